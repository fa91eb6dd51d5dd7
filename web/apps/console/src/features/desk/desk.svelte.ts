import { unwrap, type Frames, type Schema } from '@stablehand/api';
import { SvelteMap } from 'svelte/reactivity';
import { clock } from '../../shell/clock.svelte.js';
import { line } from '../../shell/line.svelte.js';
import { VIEWS, type View } from '../../shell/routes.js';
import { session } from '../../shell/session.svelte.js';
import {
  belongs,
  compare,
  newer,
  replaced,
  withMessage,
  withReceipt,
  type Conversation,
  type Message,
  type Sort,
} from './head.js';

type Event = Schema['Event'];
type Counts = Partial<Record<View, number>>;
type Listener = (event: Event) => void;

interface ListState {
  ids: readonly string[];
  cursor: string | null;
  phase: 'new' | 'loading' | 'ready' | 'failed';
}

const PAGE = 60;
const TYPING_MS = 6_000;
const COUNTS_DELAY_MS = 400;
const SORT_KEY = 'stablehand.sort';

/** Every conversation this tab knows of, and the lists over them. All events of the desk come in here and nowhere else. */
class Desk {
  sort = $state<Sort>(localStorage.getItem(SORT_KEY) === 'waiting' ? 'waiting' : 'recent');
  counts = $state.raw<Counts>({});
  readonly heads = new SvelteMap<string, Conversation>();
  readonly lists = new SvelteMap<View, ListState>();
  readonly typing = new SvelteMap<string, { who: Frames.TypingFrame['who']; note: boolean; until: number }>();
  readonly viewing = new SvelteMap<string, readonly string[]>();
  private readonly listeners = new Set<Listener>();
  private countsTimer: ReturnType<typeof setTimeout> | undefined;

  start(): (() => void)[] {
    void this.loadCounts();
    return [
      line.on('event', (frame) => this.apply(frame.event)),
      line.on('resync', () => this.reload()),
      line.on('receipt', (frame) => this.change(frame.conversation_id, (head) => withReceipt(head, frame))),
      line.on('typing', (frame) => this.typed(frame)),
      line.on('viewing', (frame) => void this.viewing.set(frame.conversation_id, frame.agent_ids)),
    ];
  }

  list(view: View): ListState {
    return this.lists.get(view) ?? { ids: [], cursor: null, phase: 'new' };
  }

  /** The open conversation listens here for its own events. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async load(view: View): Promise<void> {
    const { phase } = this.list(view);
    if (phase === 'loading') return;
    this.lists.set(view, { ...this.list(view), phase: 'loading' });
    await this.fetch(view, null);
  }

  async more(view: View): Promise<void> {
    const { phase, cursor } = this.list(view);
    if (phase !== 'ready' || cursor === null) return;
    this.lists.set(view, { ...this.list(view), phase: 'loading' });
    await this.fetch(view, cursor);
  }

  setSort(sort: Sort): void {
    this.sort = sort;
    localStorage.setItem(SORT_KEY, sort);
    const loaded = [...this.lists.keys()];
    this.lists.clear();
    for (const view of loaded) void this.load(view);
  }

  /** Takes in a head that came over HTTP. */
  put(head: Conversation): void {
    const held = this.heads.get(head.id);
    const next = newer(held, head);
    if (next === held) return;
    this.heads.set(head.id, next);
    this.place(next);
  }

  change(id: string, by: (head: Conversation) => Conversation): void {
    const head = this.heads.get(id);
    if (!head) return;
    const next = by(head);
    if (next === head) return;
    this.heads.set(id, next);
    if (next.updated_at !== head.updated_at || next.waiting_since !== head.waiting_since) this.place(next);
  }

  /** An event that an open conversation took in; it may have been fetched, not heard. Taking it twice changes nothing. */
  took(event: Event): void {
    if (event.kind.startsWith('conversation.')) this.put(event.data as unknown as Conversation);
    else if (event.kind === 'message.created')
      this.change(event.conversation_id ?? '', (head) => withMessage(head, event.data as unknown as Message));
  }

  /** The head, asked for when this tab has not seen it yet; undefined when it cannot be had. */
  async find(id: string): Promise<Conversation | undefined> {
    if (!this.heads.has(id)) {
      const asked = unwrap(session.api.GET('/api/v1/conversations/{id}', { params: { path: { id } } }));
      await asked.then(
        (head) => this.put(head),
        () => undefined,
      );
    }
    return this.heads.get(id);
  }

  refreshCounts(): void {
    clearTimeout(this.countsTimer);
    this.countsTimer = setTimeout(() => void this.loadCounts(), COUNTS_DELAY_MS);
  }

  private async fetch(view: View, cursor: string | null): Promise<void> {
    const query = { view, sort: this.sort, limit: PAGE, ...(cursor ? { cursor } : {}) };
    try {
      const page = await unwrap(session.api.GET('/api/v1/conversations', { params: { query } }));
      for (const head of page.items) this.heads.set(head.id, newer(this.heads.get(head.id), head));
      const before = cursor === null ? [] : this.list(view).ids;
      const known = new Set(before);
      const fresh = page.items.map((c) => c.id).filter((id) => !known.has(id));
      this.lists.set(view, { ids: [...before, ...fresh], cursor: page.next_cursor, phase: 'ready' });
    } catch {
      this.lists.set(view, { ...this.list(view), phase: 'failed' });
    }
  }

  private async loadCounts(): Promise<void> {
    try {
      this.counts = await unwrap(session.api.GET('/api/v1/conversation-counts'));
    } catch {
      // Old numbers stay; the next event asks again.
    }
  }

  /** Too much was missed to replay: load again what is shown. Positions and the open conversation stay. */
  private reload(): void {
    for (const view of this.lists.keys()) void this.load(view);
    this.refreshCounts();
  }

  private apply(event: Event): void {
    const id = event.conversation_id;
    if (event.kind === 'conversation.created' || event.kind === 'conversation.updated') {
      this.put(event.data as unknown as Conversation);
      this.refreshCounts();
    } else if (event.kind === 'message.created' && id) {
      const message = event.data as unknown as Message;
      if (message.author.kind !== 'system') this.typing.delete(id);
      this.change(id, (head) => withMessage(head, message));
    } else if (event.kind === 'rating.created' && id) {
      const rating = event.data as unknown as { score: number; comment: string };
      this.change(id, (head) => ({
        ...head,
        rating: { score: rating.score, comment: rating.comment, at: event.at },
      }));
    }
    for (const listener of this.listeners) listener(event);
  }

  /** A note there mentions me: only the server knows which conversations these are, so the list is asked for again. */
  mentioned(id: string): void {
    this.refreshCounts();
    if (this.lists.has('mentions') && !this.list('mentions').ids.includes(id)) void this.load('mentions');
  }

  private place(head: Conversation): void {
    const order = compare(this.sort);
    for (const view of VIEWS) {
      const list = this.lists.get(view);
      if (!list || list.phase === 'new') continue;
      const stays = view === 'mentions' ? list.ids.includes(head.id) : belongs(view, head, session.agentId);
      const ids = replaced(list.ids, head, stays, (id) => this.heads.get(id), order, list.cursor === null);
      if (ids !== list.ids) this.lists.set(view, { ...list, ids });
    }
  }

  private typed(frame: Frames.TypingFrame): void {
    const id = frame.conversation_id;
    if (!frame.on) {
      this.typing.delete(id);
      return;
    }
    const until = clock.now() + TYPING_MS;
    this.typing.set(id, { who: frame.who, note: frame.note ?? false, until });
    setTimeout(() => {
      if ((this.typing.get(id)?.until ?? Infinity) <= clock.now() + 50) this.typing.delete(id);
    }, TYPING_MS);
  }
}

export const desk = new Desk();
