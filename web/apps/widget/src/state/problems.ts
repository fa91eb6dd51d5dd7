/** What went wrong, in the reader's words: the server's own text is English and meant for programmers. */
import { ApiProblem } from '@stablehand/api';

import type { WordKey } from '../words/index.js';

export function problemWord(e: unknown): WordKey {
  if (!(e instanceof ApiProblem)) return 'errorServer';
  return problemWordOf(e.status, e.code);
}

/** By HTTP status; socket refusals carry the same problem document. */
export function problemWordOf(status: number, code: string): WordKey {
  if (status === 0) return 'errorOffline';
  if (status === 429) return 'errorTooFast';
  if (status === 413 || code === 'too_long') return 'errorTooLong';
  return status < 500 ? 'errorRefused' : 'errorServer';
}
