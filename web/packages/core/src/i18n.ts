/** Words of the interface. Catalogues are plain objects with the same keys in each language; English decides which keys there are.
 *
 * `{name}` is filled from params. Plurals: `{n, one {# file}, other {# files}}` in the forms of Intl.PluralRules (Chinese has only `other`). */

export const LANGUAGES = ['en', 'zh-CN'] as const;
export type Language = (typeof LANGUAGES)[number];
export type Params = Record<string, string | number>;

const PLURAL = /\{(\w+),\s*((?:\w+\s*\{[^{}]*\}\s*)+)\}/g;
const FORM = /(\w+)\s*\{([^{}]*)\}/g;

export function format(language: Language, template: string, params: Params = {}): string {
  const rules = new Intl.PluralRules(language);
  const withPlurals = template.replace(PLURAL, (_, name: string, forms: string) => {
    const n = Number(params[name] ?? 0);
    const byForm = new Map([...forms.matchAll(FORM)].map((m) => [m[1]!, m[2]!]));
    const text = byForm.get(rules.select(n)) ?? byForm.get('other') ?? '';
    return text.replaceAll('#', new Intl.NumberFormat(language).format(n));
  });
  return withPlurals.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in params ? String(params[name]) : whole,
  );
}

/** The language of the interface that serves these wishes best ("zh-TW" and "zh" get zh-CN). */
export function pickLanguage(wishes: readonly string[]): Language {
  for (const wish of wishes) {
    if (/^zh\b/i.test(wish)) return 'zh-CN';
    if (/^en\b/i.test(wish)) return 'en';
  }
  return 'en';
}
