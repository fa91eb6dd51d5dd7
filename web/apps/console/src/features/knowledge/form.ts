/** A translation as the form holds it, and as the server takes it. Pure. */
import type { Schema } from '@stablehand/api';

type Translation = Schema['Translation'];

export interface Form {
  title: string;
  summary: string;
  answer: string;
  body: string;
  phrasings: string;
}

export const EMPTY: Form = { title: '', summary: '', answer: '', body: '', phrasings: '' };

export function toForm(
  source: Pick<Translation, 'title' | 'summary' | 'answer' | 'body' | 'phrasings'> | null,
): Form {
  if (!source) return { ...EMPTY };
  const { title, summary, answer, body } = source;
  return { title, summary, answer, body, phrasings: source.phrasings.join('\n') };
}

/** As the server takes it: phrasings without blanks and doubles. */
export function fromForm(form: Form): Schema['TranslationWrite'] {
  const phrasings = [
    ...new Set(
      form.phrasings
        .split('\n')
        .map((p) => p.trim())
        .filter(Boolean),
    ),
  ];
  return {
    title: form.title.trim(),
    summary: form.summary.trim(),
    answer: form.answer.trim(),
    body: form.body,
    phrasings,
  };
}
