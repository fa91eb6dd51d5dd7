import { unwrap, type Schema } from '@stablehand/api';
import { session } from '../../shell/session.svelte.js';

type Canned = Schema['Canned'];
type PublicArticle = Schema['PublicArticleSummary'];

/** What the composer offers to insert. Canned replies are loaded once and again after settings changed them; articles are asked for by words. */
class Library {
  canned = $state.raw<readonly Canned[]>([]);
  private loading: Promise<void> | null = null;

  load(): Promise<void> {
    this.loading ??= unwrap(session.api.GET('/api/v1/canned'))
      .then((page) => {
        this.canned = page.items;
      })
      .catch(() => {
        this.loading = null;
      });
    return this.loading;
  }

  forget(): void {
    this.loading = null;
  }

  /** Fitting ones; those in the customer's language first. */
  find(query: string, language: string): Canned[] {
    const q = query.toLowerCase();
    const rank = (c: Canned) =>
      (c.shortcut.toLowerCase().startsWith(q) ? 4 : 0) + (c.language === language ? 2 : 0);
    return this.canned
      .filter((c) => `${c.shortcut} ${c.title}`.toLowerCase().includes(q))
      .sort((a, b) => rank(b) - rank(a) || a.shortcut.localeCompare(b.shortcut))
      .slice(0, 8);
  }

  async articles(q: string, lang: 'en' | 'zh-CN'): Promise<PublicArticle[]> {
    const query = { lang, limit: 6, ...(q ? { q } : {}) };
    return (await unwrap(session.api.GET('/api/v1/public/articles', { params: { query } }))).items;
  }
}

export const library = new Library();
