import { unwrap, type Schema } from '@stablehand/api';
import { session } from '../../shell/session.svelte.js';

export type Miss = Schema['BotMiss'];
type Page = Schema['BotMisses'];
export type MissLanguage = '' | 'en' | 'zh-CN';

export const MISSES_PAGE = 30;

/** What the bot could not answer, page by page, newest first; the counts are those of the page that came last. */
export class Misses {
  items = $state.raw<readonly Miss[]>([]);
  counts = $state.raw<Page['counts']>([]);
  total = $state(0);
  language = $state<MissLanguage>('');
  phase = $state<'loading' | 'ready' | 'failed'>('loading');
  /** A further page is under way, or did not come. */
  further = $state<'idle' | 'loading' | 'failed'>('idle');
  problem = $state.raw<unknown>(null);
  private cursor = $state<string | null>(null);
  private round = 0;

  get hasMore(): boolean {
    return this.cursor !== null;
  }

  /** From the newest on, in one language or ('') in both. */
  async load(language: MissLanguage = this.language): Promise<void> {
    const mine = ++this.round;
    this.language = language;
    this.phase = 'loading';
    this.further = 'idle';
    try {
      const page = await this.fetch(null);
      if (mine !== this.round) return;
      this.items = [];
      this.take(page);
      this.phase = 'ready';
    } catch (problem) {
      if (mine !== this.round) return;
      this.problem = problem;
      this.phase = 'failed';
    }
  }

  async more(): Promise<void> {
    if (this.cursor === null || this.phase !== 'ready' || this.further === 'loading') return;
    const mine = this.round;
    this.further = 'loading';
    try {
      const page = await this.fetch(this.cursor);
      if (mine !== this.round) return;
      this.take(page);
      this.further = 'idle';
    } catch (problem) {
      if (mine !== this.round) return;
      this.problem = problem;
      this.further = 'failed';
    }
  }

  private take(page: Page): void {
    this.items = [...this.items, ...page.items];
    this.counts = page.counts;
    this.total = page.total;
    this.cursor = page.next_cursor;
  }

  private fetch(cursor: string | null): Promise<Page> {
    const query = {
      limit: MISSES_PAGE,
      ...(this.language ? { language: this.language } : {}),
      ...(cursor ? { cursor } : {}),
    };
    return unwrap(session.api.GET('/api/v1/bot/misses', { params: { query } }));
  }
}
