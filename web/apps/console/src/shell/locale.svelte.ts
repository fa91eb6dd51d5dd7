import { format, pickLanguage, type Language, type Params } from '@stablehand/core';

const KEY = 'stablehand.language';

function remembered(): Language {
  const kept = localStorage.getItem(KEY);
  return kept === 'en' || kept === 'zh-CN' ? kept : pickLanguage(navigator.languages);
}

/** The language of the interface. Everything that reads it is drawn again when it changes. */
class Locale {
  language = $state<Language>('en');
  /** What somebody chose on a page outside, before the desk knew who they are. */
  chosen: Language | null = null;

  start(): void {
    this.set(remembered());
  }

  choose(language: Language): void {
    this.chosen = language;
    this.set(language);
  }

  /** As the person's account says; `system` is what the browser asks for. */
  follow(preference: Language | 'system'): void {
    this.set(preference === 'system' ? (this.chosen ?? pickLanguage(navigator.languages)) : preference);
  }

  private set(language: Language): void {
    this.language = language;
    localStorage.setItem(KEY, language);
    document.documentElement.lang = language;
  }
}

export const locale = new Locale();

/** Words of one feature: `const t = words(en, zhCN)`, then `t('key', { n: 3 })`. English decides the keys; a missing translation does not compile. */
export function words<K extends string>(
  en: Record<K, string>,
  zhCN: Record<NoInfer<K>, string>,
): (key: K, params?: Params) => string {
  return (key, params) => {
    const text = (locale.language === 'en' ? en : zhCN)[key];
    return params ? format(locale.language, text, params) : text;
  };
}

/** The text in the interface's language of something the server keeps in both. */
export function inLanguage(text: { en: string; 'zh-CN': string }): string {
  return text[locale.language] || text.en || text['zh-CN'];
}

export function languageName(tag: string): string {
  if (!tag) return '';
  try {
    return new Intl.DisplayNames(locale.language, { type: 'language' }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}
