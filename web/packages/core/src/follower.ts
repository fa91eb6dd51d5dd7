/** Follows one conversation to exactly the server's truth, for clients that may see every event of it (agents).
 *
 * Events are taken in without a gap only. When one is ahead of what is held, or the server says how far it has come, the missing ones are fetched over HTTP, page by
 * page, until nothing is missing; a fetch that fails is tried again. Where events come from (replay, live, pages) and in which order makes no difference. */
import {
  emptyTimeline,
  withEvent,
  withPage,
  withReplacement,
  type ConversationEvent,
  type Message,
  type Timeline,
} from './timeline.js';

export interface FollowerDeps {
  /** Events with seq > `after`, ascending, as many as the server likes. */
  fetchEvents: (after: number) => Promise<{ items: readonly ConversationEvent[]; has_more: boolean }>;
  /** Events that old are not kept any more (410): load anew. */
  onForgotten?: () => void;
  /** Messages with seq < `before`, newest first. */
  fetchOlder: (before: number) => Promise<{ items: readonly Message[]; has_more: boolean }>;
  onChange: (timeline: Timeline) => void;
  /** Each event once and in order, also those that came by a page. */
  onEvent?: (event: ConversationEvent) => void;
  /** Calls back later; returns what stops it. */
  later?: (fn: () => void, ms: number) => () => void;
}

const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000] as const;
/** Events kept while the ones before them are fetched; the rest is fetched, too. */
const MAX_AHEAD = 500;

function timeout(fn: () => void, ms: number): () => void {
  const timer = setTimeout(fn, ms);
  return () => clearTimeout(timer);
}

export class Follower {
  private held: Timeline;
  private readonly ahead = new Map<number, ConversationEvent>();
  /** The server is known to have come so far. */
  private target = 0;
  private running = false;
  private loadingOlder = false;
  /** Counts loads and stops: an answer that belongs to a former one is dropped. */
  private run = 0;
  private failures = 0;
  private stopRetry: (() => void) | null = null;

  constructor(
    readonly conversationId: string,
    private readonly deps: FollowerDeps,
  ) {
    this.held = emptyTimeline(conversationId);
  }

  get timeline(): Timeline {
    return this.held;
  }

  get isBehind(): boolean {
    return this.held.have < this.target;
  }

  /** Starts anew from the newest page. Everything after its newest message is asked for by `view` or fetched. */
  load(page: readonly Message[], hasMore: boolean): void {
    this.stop();
    this.target = 0;
    this.set(withPage(emptyTimeline(this.conversationId), page, hasMore));
  }

  /** Nothing is fetched any more until the next event or `reached`. */
  stop(): void {
    this.run++;
    this.running = this.loadingOlder = false;
    this.failures = 0;
    this.ahead.clear();
    this.stopRetry?.();
    this.stopRetry = null;
  }

  receive(event: ConversationEvent): void {
    if (event.conversation_id !== this.conversationId || event.seq <= this.held.have) return;
    this.target = Math.max(this.target, event.seq);
    if (event.seq === this.held.have + 1) this.take(event);
    else if (this.ahead.size < MAX_AHEAD) this.ahead.set(event.seq, event);
    this.drain();
    void this.catchUp();
  }

  /** The server says so: after each `view`, and wherever a head tells its last_seq. */
  reached(lastSeq: number): void {
    this.target = Math.max(this.target, lastSeq);
    void this.catchUp();
  }

  /** The answer to an edit or a deletion of this client's own. */
  replace(message: Message): void {
    this.set(withReplacement(this.held, message));
  }

  /** False: nothing came. */
  async older(): Promise<boolean> {
    const first = this.held.messages[0];
    if (this.loadingOlder || !this.held.hasOlder || !first) return false;
    const run = this.run;
    this.loadingOlder = true;
    try {
      const page = await this.deps.fetchOlder(first.seq);
      if (run !== this.run) return false;
      this.set(withPage(this.held, page.items, page.has_more));
      return page.items.length > 0;
    } catch {
      return false; // Scrolling asks again.
    } finally {
      if (run === this.run) this.loadingOlder = false;
    }
  }

  private set(timeline: Timeline): void {
    if (timeline === this.held) return;
    this.held = timeline;
    this.deps.onChange(timeline);
  }

  private take(event: ConversationEvent): void {
    this.set(withEvent(this.held, event));
    this.deps.onEvent?.(event);
  }

  private drain(): void {
    for (let next; (next = this.ahead.get(this.held.have + 1));) {
      this.ahead.delete(next.seq);
      this.take(next);
    }
    for (const seq of this.ahead.keys()) if (seq <= this.held.have) this.ahead.delete(seq);
  }

  private async catchUp(): Promise<void> {
    if (this.running || this.stopRetry || !this.isBehind) return;
    this.running = true;
    const run = this.run;
    try {
      while (this.isBehind) {
        const after = this.held.have;
        const page = await this.deps.fetchEvents(after);
        if (run !== this.run) return;
        for (const event of page.items) if (event.seq === this.held.have + 1) this.take(event);
        this.drain();
        // What the server said it has come to, it does not give: it may no longer be seen, or comes a moment later.
        if (this.held.have === after) throw new Error('nothing came');
      }
      this.failures = 0;
    } catch (problem) {
      if (run !== this.run) return;
      if ((problem as { status?: number }).status === 410 && this.deps.onForgotten) this.deps.onForgotten();
      else this.retryLater();
    } finally {
      if (run === this.run) this.running = false;
    }
  }

  private retryLater(): void {
    const ms = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]!;
    this.stopRetry = (this.deps.later ?? timeout)(() => {
      this.stopRetry = null;
      void this.catchUp();
    }, ms);
  }
}
