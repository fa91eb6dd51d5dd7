import { unwrap } from '@stablehand/api';
import { SvelteMap } from 'svelte/reactivity';
import { line } from '../../shell/line.svelte.js';
import { session } from '../../shell/session.svelte.js';

export type DraftKind = 'public' | 'note';

/** Where something begun lies, whichever tab or device it was begun in. The texts themselves are the composers'. */
class Drafts {
  readonly places = new SvelteMap<string, DraftKind>();
  private readonly listeners = new Set<(id: string) => void>();

  start(): (() => void)[] {
    return [
      line.on('welcome', () => void this.load()),
      line.on('draft', (frame) => {
        if (frame.draft) this.places.set(frame.conversation_id, frame.draft.kind);
        else this.places.delete(frame.conversation_id);
        for (const listener of this.listeners) listener(frame.conversation_id);
      }),
    ];
  }

  has(id: string): boolean {
    return this.places.has(id);
  }

  /** Called when a draft came or went, here or elsewhere. */
  onChange(listener: (id: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private async load(): Promise<void> {
    if (!session.may('conversation.reply')) return;
    const found = new Map<string, DraftKind>();
    try {
      let cursor: string | null = null;
      do {
        const query: { limit: number; cursor?: string } = { limit: 100, ...(cursor ? { cursor } : {}) };
        const page = await unwrap(session.api.GET('/api/v1/drafts', { params: { query } }));
        for (const draft of page.items) found.set(draft.conversation_id, draft.kind);
        cursor = page.next_cursor;
      } while (cursor !== null);
    } catch {
      // Marks are a comfort; the next life of the line asks again.
      return;
    }
    for (const id of this.places.keys()) if (!found.has(id)) this.places.delete(id);
    for (const [id, kind] of found) this.places.set(id, kind);
  }
}

export const drafts = new Drafts();
