import { unwrap, type Schema } from '@stablehand/api';
import { emptyTimeline, Follower, type ConversationEvent, type Timeline } from '@stablehand/core';
import { line } from '../../shell/line.svelte.js';
import { session } from '../../shell/session.svelte.js';
import { desk } from './desk.svelte.js';

const PAGE = 60;
const EVENTS_PAGE = 100;

/** One conversation on the screen: its messages, kept whole by a Follower. */
export class OpenConversation {
  timeline = $state.raw<Timeline>(emptyTimeline());
  phase = $state<'loading' | 'ready' | 'failed' | 'gone'>('loading');
  /** Where "new" stood when it was opened. */
  unreadAfter = $state<number | null>(null);
  private readonly follower: Follower;
  private stopListening: (() => void) | null = null;

  constructor(readonly id: string) {
    this.timeline = emptyTimeline(id);
    this.follower = new Follower(id, {
      fetchEvents: (after) =>
        unwrap(
          session.api.GET('/api/v1/conversations/{id}/events', {
            params: { path: { id }, query: { after, limit: EVENTS_PAGE } },
          }),
        ),
      fetchOlder: (before) =>
        unwrap(
          session.api.GET('/api/v1/conversations/{id}/messages', {
            params: { path: { id }, query: { before, limit: EVENTS_PAGE } },
          }),
        ),
      onChange: (timeline) => (this.timeline = timeline),
      onEvent: (event) => desk.took(event),
      onForgotten: () => {
        this.phase = 'loading';
        void this.open();
      },
    });
  }

  get head() {
    return desk.heads.get(this.id);
  }

  /** It is on the screen now. Call again after each new life of the line. */
  async open(): Promise<void> {
    this.stopListening ??= this.listen();
    if (this.phase !== 'ready') await this.load();
    if (this.phase !== 'ready') return;
    // The answer to `view` is what came after `have`, then how far the server is.
    line.send({ t: 'view', conversation_id: this.id, open: true, have: this.timeline.have });
  }

  close(): void {
    line.send({ t: 'view', conversation_id: this.id, open: false });
    this.stopListening?.();
    this.stopListening = null;
    this.follower.stop();
    this.unreadAfter = null;
  }

  private listen(): () => void {
    const stops = [
      desk.listen((event) => this.receive(event)),
      line.on('viewed', (frame) => {
        if (frame.conversation_id === this.id) this.follower.reached(frame.last_seq);
      }),
    ];
    return () => stops.forEach((stop) => stop());
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
      this.follower.load(page.items, page.has_more);
      this.unreadAfter = head.unread > 0 ? head.agent_read_seq : null;
      this.phase = 'ready';
    } catch (problem) {
      const status = (problem as { status?: number }).status;
      this.phase = status === 404 || status === 403 ? 'gone' : 'failed';
    }
  }

  async older(): Promise<void> {
    await this.follower.older();
  }

  /** Loads back until this message is held; for a hit of the search. */
  async reach(seq: number): Promise<void> {
    while (this.timeline.hasOlder && (this.timeline.messages[0]?.seq ?? 0) > seq) {
      if (!(await this.follower.older())) return;
    }
  }

  /** A message that came in the answer to an edit or a deletion. */
  replace(message: Schema['Message']): void {
    this.follower.replace(message);
  }

  private receive(event: ConversationEvent): void {
    if (this.phase === 'ready') this.follower.receive(event);
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
