import { unwrap, type Schema } from '@stablehand/api';
import { emptyTimeline, withEvent, withPage, type ConversationEvent, type Timeline } from '@stablehand/core';
import { line } from '../../shell/line.svelte.js';
import { session } from '../../shell/session.svelte.js';
import { desk } from './desk.svelte.js';

const PAGE = 60;
const EVENTS_PAGE = 100;

/** One conversation on the screen: its messages, kept whole. The timeline takes events only without a gap; when one is missing, the
 * missing ones are fetched first. */
export class OpenConversation {
  timeline = $state.raw<Timeline>(emptyTimeline());
  phase = $state<'loading' | 'ready' | 'failed' | 'gone'>('loading');
  /** Where "new" stood when it was opened. */
  unreadAfter = $state<number | null>(null);
  private loadingOlder = false;
  private catching = false;
  private waiting: ConversationEvent[] = [];
  private stopListening: (() => void) | null = null;

  constructor(readonly id: string) {
    this.timeline = emptyTimeline(id);
  }

  get head() {
    return desk.heads.get(this.id);
  }

  /** It is on the screen now. Call again after each new life of the line. */
  async open(): Promise<void> {
    this.stopListening ??= desk.listen((event) => this.receive(event));
    if (this.phase !== 'ready') await this.load();
    if (this.phase !== 'ready') return;
    // The answer to `view` is everything after `have`.
    line.send({ t: 'view', conversation_id: this.id, open: true, have: this.timeline.have });
  }

  close(): void {
    line.send({ t: 'view', conversation_id: this.id, open: false });
    this.stopListening?.();
    this.stopListening = null;
    this.unreadAfter = null;
  }

  async load(): Promise<void> {
    this.phase = 'loading';
    const path = { id: this.id };
    try {
      const [head, page] = await Promise.all([
        unwrap(session.api.GET('/api/v1/conversations/{id}', { params: { path } })),
        unwrap(
          session.api.GET('/api/v1/conversations/{id}/messages', {
            params: { path, query: { limit: PAGE } },
          }),
        ),
      ]);
      desk.put(head);
      // The page may be older or newer than the head: what is surely held ends at the newest message of the page or, when that is
      // older, at the head's last_seq if it was the same moment. The catch-up fills the rest.
      this.timeline = withPage(emptyTimeline(this.id), page.items, page.has_more);
      this.unreadAfter = head.unread > 0 ? head.agent_read_seq : null;
      this.phase = 'ready';
    } catch (problem) {
      const status = (problem as { status?: number }).status;
      this.phase = status === 404 || status === 403 ? 'gone' : 'failed';
    }
  }

  async older(): Promise<void> {
    const first = this.timeline.messages[0];
    if (this.loadingOlder || !this.timeline.hasOlder || !first) return;
    this.loadingOlder = true;
    try {
      const page = await unwrap(
        session.api.GET('/api/v1/conversations/{id}/messages', {
          params: { path: { id: this.id }, query: { before: first.seq, limit: 100 } },
        }),
      );
      this.timeline = withPage(this.timeline, page.items, page.has_more);
    } catch {
      // Scrolling asks again.
    } finally {
      this.loadingOlder = false;
    }
  }

  /** Loads back until this message is held; for a hit of the search. */
  async reach(seq: number): Promise<void> {
    while (this.timeline.hasOlder && (this.timeline.messages[0]?.seq ?? 0) > seq) {
      const before = this.timeline.messages.length;
      await this.older();
      if (this.timeline.messages.length === before) return;
    }
  }

  /** A message that came in the answer to an edit or a deletion. */
  replace(message: Schema['Message']): void {
    const messages = this.timeline.messages.map((m) => (m.id === message.id ? message : m));
    this.timeline = { ...this.timeline, messages };
  }

  private receive(event: ConversationEvent): void {
    if (event.conversation_id !== this.id || event.seq <= this.timeline.have) return;
    if (this.phase !== 'ready') return;
    if (event.seq > this.timeline.have + 1) {
      this.waiting.push(event);
      void this.catchUp();
      return;
    }
    this.timeline = withEvent(this.timeline, event);
  }

  private async catchUp(): Promise<void> {
    if (this.catching) return;
    this.catching = true;
    try {
      for (let more = true; more;) {
        const page = await unwrap(
          session.api.GET('/api/v1/conversations/{id}/events', {
            params: { path: { id: this.id }, query: { after: this.timeline.have, limit: EVENTS_PAGE } },
          }),
        );
        for (const event of page.items) this.timeline = withEvent(this.timeline, event);
        more = page.has_more && page.items.length > 0;
      }
      const waiting = this.waiting.sort((a, b) => a.seq - b.seq);
      this.waiting = [];
      for (const event of waiting) this.timeline = withEvent(this.timeline, event);
    } catch {
      // The next event or the next life of the line tries again.
    } finally {
      this.catching = false;
    }
  }
}

const KEEP = 12;
const cache = new Map<string, OpenConversation>();

/** The same object for the same id while it was looked at lately, so that going back is instant. */
export function conversationOf(id: string): OpenConversation {
  const held = cache.get(id) ?? new OpenConversation(id);
  cache.delete(id);
  cache.set(id, held);
  for (const old of cache.keys()) {
    if (cache.size <= KEEP) break;
    cache.delete(old);
  }
  return held;
}
