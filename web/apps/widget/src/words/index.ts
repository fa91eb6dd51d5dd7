/** The widget's words. Only the language in use is loaded. */
import { format, type Language, type Params } from '@stablehand/core';

import type { Words } from './en.js';

export type { Words };
export type WordKey = { [K in keyof Words]: Words[K] extends string ? K : never }[keyof Words];

const loaded = new Map<Language, Words>();

/** Before anything is said in the language. */
export async function loadWords(language: Language): Promise<void> {
  if (loaded.has(language)) return;
  loaded.set(language, language === 'en' ? (await import('./en.js')).en : (await import('./zh.js')).zh);
}

export function word(language: Language, key: WordKey, params?: Params): string {
  return format(language, loaded.get(language)?.[key] ?? '', params);
}

/** A system line by its event name; unknown events show nothing. */
export function systemLine(language: Language, event: string, params?: Params): string | null {
  const template = loaded.get(language)?.system[event];
  return template ? format(language, template, params) : null;
}
