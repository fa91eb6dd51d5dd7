/** A translation as the form holds it, and as the server takes it. Pure. */
import type { Schema } from '@stablehand/api';

export type Lang = 'en' | 'zh-CN';
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

/** The longest phrasing that the server takes, in characters. */
export const PHRASING_MAX = 200;

/** A customer's message as one line of the phrasings; what is too long ends with the last whole word that fits. */
export function asPhrasing(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  const letters = [...line];
  if (letters.length <= PHRASING_MAX) return line;
  const cut = letters.slice(0, PHRASING_MAX).join('');
  const at = letters[PHRASING_MAX] === ' ' ? -1 : cut.lastIndexOf(' ');
  return (at > cut.length / 2 ? cut.slice(0, at) : cut).trimEnd();
}

/** The languages of the trade have articles of their own; what is neither begins in English. */
export function articleLang(language: string): Lang {
  return language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}
