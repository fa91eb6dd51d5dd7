/** The conversation as the customer sees it: the server's timeline, what is not sent yet, who is typing, the place in the queue.
 *
 * Truth is the server's: the timeline only takes events in order of seq; the outbox keeps what is not acknowledged. */
import {
  ResumingSocket,
  unwrap,
  type Api,
  type Frames,
  type Schema,
  type SocketStatus,
} from '@stablehand/api';
import {
  emptyTimeline,
  newClientId,
  Outbox,
  withEvent,
  withPage,
  type Message,
  type OutboxEntry,
  type Timeline,
} from '@stablehand/core';

import type { TabBox } from './boxes.js';
import { problemWordOf } from './problems.js';

export type Conversation = Schema['VisitorConversation'];
export type Payload = {
  body: string;
  /** Chosen in the form before. */
  topic?: string | null;
  reply_to: string | null;
  files: Schema['File'][];
  button: string | null;
};
export type Typist = { name: string; isBot: boolean };
type FromVisitor = Frames.FromVisitor;
type ToVisitor = Frames.ToVisitor;

const TYPING_SHOWN_MS = 6_000;
const TYPING_SAID_EVERY_MS = 3_000;
const OUTBOX_TICK_MS = 5_000;
/** A line that is back so soon is not worth a banner that comes and goes. */
const DOWN_AFTER_MS = 2_500;
const PAGE = 50;

export interface ChatDeps {
  api: Api;
  box: TabBox;
  token: () => string | null;
  /** The server does not know the token any more. */
  onSignedOut: () => void;
  socketUrl: () => string;
  makeSocket?: (url: string) => WebSocket;
}

export class Chat {
  timeline = $state.raw<Timeline>(emptyTimeline());
  conversation = $state.raw<Conversation | null>(null);
  unsent = $state.raw<readonly OutboxEntry<Payload>[]>([]);
  typist = $state.raw<Typist | null>(null);
  /** The line has been gone long enough to say so. */
  isDown = $state(false);
  /** The newest that came in while the line was live: worth a sound, and saying aloud. */
  news = $state.raw<Message | null>(null);
  /** False until the first page or replay is there: the view shows a skeleton instead of jumping. */
  isLoaded = $state(false);
  /** The person looks at the conversation now; the widget knows. */
  isVisible = $state(false);
  /** What the customer has read, in this tab or another. */
  readSeq = $state(0);

  private readonly socket: ResumingSocket<FromVisitor, ToVisitor>;
  private readonly outbox: Outbox<Payload>;
  private typingTimer: ReturnType<typeof setTimeout> | undefined;
  private downTimer: ReturnType<typeof setTimeout> | undefined;
  private tickTimer: ReturnType<typeof setInterval> | undefined;
  private isLive = false;
  private saidTypingAt = 0;
  private reported = 0;
  /** Counts starts and resets: an answer that belongs to a former one is dropped. */
  private run = 0;

  constructor(private readonly deps: ChatDeps) {
    this.outbox = new Outbox<Payload>({
      storage: deps.box.storage,
      transmit: (clientId, payload) => this.transmit(clientId, payload),
      onChange: (entries) => (this.unsent = entries),
      now: Date.now,
    });
    this.unsent = this.outbox.pending;
    this.socket = new ResumingSocket<FromVisitor, ToVisitor>({
      url: deps.socketUrl,
      ...(deps.makeSocket && { makeSocket: deps.makeSocket }),
      hello: () => {
        const token = deps.token();
        return token
          ? { t: 'hello', token, conversation_id: this.timeline.conversationId, have: this.timeline.have }
          : null;
      },
      onFrame: (frame) => this.receive(frame),
      onStatus: (status) => this.lineChanged(status),
      onRefused: deps.onSignedOut,
    });
  }

  /** Messages for the customer that were not looked at yet. */
  get unread(): readonly Message[] {
    return this.timeline.messages.filter(
      (m) => m.seq > this.readSeq && m.kind === 'public' && m.author.kind !== 'customer' && !m.deleted_at,
    );
  }

  /** With the session's conversation: on a new session, or again after the person signed in. */
  async start(conversation: Conversation | null): Promise<void> {
    const run = ++this.run;
    this.socket.stop();
    this.takeHead(conversation);
    if (conversation && this.timeline.conversationId !== conversation.id)
      await this.loadPage(conversation, run);
    if (run !== this.run) return;
    this.isLoaded = true;
    this.socket.start();
    this.tickTimer ??= setInterval(() => this.tick(), OUTBOX_TICK_MS);
    this.tick();
  }

  /** Signed out or another person: nothing of the former one stays. */
  reset(): void {
    this.run++;
    this.socket.stop();
    clearInterval(this.tickTimer);
    this.tickTimer = undefined;
    this.outbox.clear();
    this.timeline = emptyTimeline();
    this.conversation = null;
    this.readSeq = this.reported = 0;
    this.news = null;
    this.showTyping(null);
    this.isLoaded = false;
  }

  nudge = (): void => this.socket.nudge();

  /** False when the outbox is full. */
  send(payload: Partial<Payload>): boolean {
    return this.outbox.add(newClientId(), { body: '', reply_to: null, files: [], button: null, ...payload });
  }

  retry = (clientId: string): void => this.outbox.retry(clientId);
  discard = (clientId: string): void => this.outbox.remove(clientId);

  typing(on: boolean): void {
    const now = Date.now();
    if (on ? now - this.saidTypingAt < TYPING_SAID_EVERY_MS : this.saidTypingAt === 0) return;
    this.saidTypingAt = on ? now : 0;
    this.socket.send({ t: 'typing', on });
  }

  /** The person sees the end of the list now. */
  markRead(): void {
    const seq = this.timeline.have;
    if (!this.isVisible || !this.conversation) return;
    this.readSeq = Math.max(this.readSeq, seq);
    if (seq > this.reported && this.socket.send({ t: 'read', seq })) this.reported = seq;
  }

  async loadOlder(): Promise<void> {
    const first = this.timeline.messages[0];
    if (!first || !this.timeline.hasOlder) return;
    const page = await this.page(first.conversation_id, first.seq);
    if (this.timeline.conversationId === first.conversation_id)
      this.timeline = withPage(this.timeline, page.items, page.has_more);
  }

  private page(id: string, before?: number) {
    return unwrap(
      this.deps.api.GET('/api/v1/visitor/conversations/{id}/messages', {
        params: { path: { id }, query: { before, limit: PAGE } },
      }),
    );
  }

  private async loadPage(conversation: Conversation, run: number): Promise<void> {
    const id = conversation.id;
    let timeline = emptyTimeline(id);
    try {
      const page = await this.page(id);
      // Everything up to what the session knew is in the page, or is older than it.
      timeline = withPage(timeline, page.items, page.has_more, conversation.last_seq);
    } catch {
      // The socket's replay brings it as soon as there is a line.
    }
    if (run === this.run) this.timeline = timeline;
  }

  private tick(): void {
    void this.deps.box.adopt((kept) => this.outbox.adopt(kept));
    if (this.socket.status === 'live') this.outbox.tick();
  }

  private lineChanged(status: SocketStatus): void {
    if (status === 'live' || status === 'stopped') {
      clearTimeout(this.downTimer);
      this.downTimer = undefined;
      this.isDown = false;
    } else {
      this.downTimer ??= setTimeout(() => (this.isDown = true), DOWN_AFTER_MS);
    }
  }

  private transmit(clientId: string, p: Payload): boolean {
    const message = {
      client_id: clientId,
      body: p.body,
      reply_to: p.reply_to,
      file_ids: p.files.map((f) => f.id),
      button: p.button,
      topic: p.topic ?? null,
    };
    return this.socket.send({ t: 'send', message });
  }

  private takeHead(conversation: Conversation | null): void {
    this.readSeq =
      conversation && conversation.id === this.conversation?.id
        ? Math.max(this.readSeq, conversation.read_seq)
        : (conversation?.read_seq ?? 0);
    this.conversation = conversation;
  }

  private receive(frame: ToVisitor): void {
    switch (frame.t) {
      case 'welcome':
        if (frame.conversation_id !== this.timeline.conversationId)
          this.timeline = emptyTimeline(frame.conversation_id);
        this.takeHead(frame.conversation);
        this.reported = 0;
        this.isLive = false;
        break;
      case 'resync':
        // What is missing is too old to be sent one by one.
        this.timeline = emptyTimeline();
        void this.start(this.conversation);
        break;
      case 'live':
        this.isLoaded = this.isLive = true;
        this.outbox.lineIsLive();
        break;
      case 'event':
        this.take(frame.event);
        break;
      case 'ack':
        this.outbox.acknowledged(frame.client_id);
        break;
      case 'nack':
        this.outbox.refused(
          frame.client_id,
          { code: problemWordOf(frame.problem.status, frame.problem.code), message: frame.problem.title },
          frame.retry === true,
        );
        break;
      case 'typing':
        this.showTyping(frame.on ? { name: frame.who.name, isBot: frame.who.kind === 'bot' } : null);
        break;
      case 'receipt':
        if (this.conversation?.id === frame.conversation_id) {
          this.takeHead({
            ...this.conversation,
            agent_read_seq: Math.max(this.conversation.agent_read_seq, frame.agent_read_seq),
            read_seq: frame.customer_read_seq,
          });
        }
        break;
      case 'queue':
        if (this.conversation?.id === frame.conversation_id)
          this.conversation = { ...this.conversation, queue: frame.queue };
        break;
    }
  }

  private take(event: Schema['Event']): void {
    const { conversationId } = this.timeline;
    // A late edit or rating in a former conversation: it is not what is shown here.
    if (conversationId !== null && Number(event.conversation_id) < Number(conversationId)) return;
    // The first message of a new conversation: what was held belongs to the former one.
    if (event.conversation_id !== conversationId) this.timeline = emptyTimeline(event.conversation_id);
    const before = this.timeline.have;
    this.timeline = withEvent(this.timeline, event);
    if (event.seq <= before) return;
    if (event.kind.startsWith('conversation.')) this.takeHead(event.data as unknown as Conversation);
    if (event.kind !== 'message.created') return;
    const message = event.data as unknown as Message;
    if (message.client_id) this.outbox.acknowledged(message.client_id);
    if (message.author.kind === 'customer') return;
    this.showTyping(null);
    if (this.isLive && message.kind === 'public') this.news = message;
    this.socket.send({ t: 'delivered', seq: event.seq });
  }

  private showTyping(typist: Typist | null): void {
    clearTimeout(this.typingTimer);
    this.typist = typist;
    if (typist) this.typingTimer = setTimeout(() => (this.typist = null), TYPING_SHOWN_MS);
  }
}
