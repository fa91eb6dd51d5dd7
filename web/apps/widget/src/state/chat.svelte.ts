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

import type { Keep } from './keep.js';

export type Conversation = Schema['VisitorConversation'];
export type Payload = {
  body: string;
  reply_to: string | null;
  files: Schema['File'][];
  button: string | null;
};
type FromVisitor = Frames.FromVisitor;
type ToVisitor = Frames.ToVisitor;

const TYPING_SHOWN_MS = 6_000;
const TYPING_SAID_EVERY_MS = 3_000;
const OUTBOX_TICK_MS = 5_000;
const PAGE = 50;

export interface ChatDeps {
  api: Api;
  keep: Keep;
  token: () => string | null;
  onNewMessage: (message: Message) => void;
  onSignedOut: () => void;
  socketUrl: () => string;
}

export class Chat {
  timeline = $state.raw<Timeline>(emptyTimeline());
  conversation = $state.raw<Conversation | null>(null);
  unsent = $state.raw<readonly OutboxEntry<Payload>[]>([]);
  status = $state<SocketStatus>('stopped');
  typist = $state<string | null>(null);
  /** False until the first page or replay is there: the view shows a skeleton instead of jumping. */
  isLoaded = $state(false);
  isVisible = false;

  private readonly socket: ResumingSocket<FromVisitor, ToVisitor>;
  private readonly outbox: Outbox<Payload>;
  private typingTimer: ReturnType<typeof setTimeout> | undefined;
  private saidTypingAt = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private reported = 0;

  constructor(private readonly deps: ChatDeps) {
    this.outbox = new Outbox<Payload>({
      storage: { load: () => deps.keep.get('outbox'), save: (value) => deps.keep.set('outbox', value) },
      transmit: (clientId, payload) => this.transmit(clientId, payload),
      onChange: (entries) => (this.unsent = entries),
      now: Date.now,
    });
    this.unsent = this.outbox.pending;
    this.socket = new ResumingSocket<FromVisitor, ToVisitor>({
      url: deps.socketUrl,
      hello: () => {
        const token = deps.token();
        return token
          ? { t: 'hello', token, conversation_id: this.timeline.conversationId, have: this.timeline.have }
          : null;
      },
      onFrame: (frame) => this.receive(frame),
      onStatus: (status) => (this.status = status),
      onRefused: deps.onSignedOut,
    });
  }

  start(conversation: Conversation | null): void {
    this.conversation = conversation;
    if (conversation) void this.loadPage(conversation);
    else this.isLoaded = true;
    this.socket.start();
    this.timer ??= setInterval(() => this.socket.status === 'live' && this.outbox.tick(), OUTBOX_TICK_MS);
  }

  /** Signed out or another person: nothing of the former one stays. */
  reset(): void {
    this.socket.stop();
    clearInterval(this.timer);
    this.timer = undefined;
    for (const entry of this.outbox.pending) this.outbox.remove(entry.clientId);
    this.timeline = emptyTimeline();
    this.conversation = null;
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
    if (on && now - this.saidTypingAt < TYPING_SAID_EVERY_MS) return;
    this.saidTypingAt = on ? now : 0;
    this.socket.send({ t: 'typing', on });
  }

  /** The person sees the end of the list now. */
  markRead(): void {
    const seq = this.timeline.have;
    if (!this.isVisible || seq <= this.reported || !this.conversation) return;
    if (this.socket.send({ t: 'read', seq })) this.reported = seq;
  }

  async loadOlder(): Promise<void> {
    const first = this.timeline.messages[0];
    if (!first || !this.timeline.hasOlder) return;
    const page = await unwrap(
      this.deps.api.GET('/api/v1/visitor/conversations/{id}/messages', {
        params: { path: { id: first.conversation_id }, query: { before: first.seq, limit: PAGE } },
      }),
    );
    this.timeline = withPage(this.timeline, page.items, page.has_more);
  }

  private async loadPage(conversation: Conversation): Promise<void> {
    const id = conversation.id;
    try {
      const page = await unwrap(
        this.deps.api.GET('/api/v1/visitor/conversations/{id}/messages', {
          params: { path: { id }, query: { limit: PAGE } },
        }),
      );
      const base = this.timeline.conversationId === id ? this.timeline : emptyTimeline(id);
      this.timeline = withPage(base, page.items, page.has_more);
    } catch {
      // The socket's replay brings it as soon as there is a line.
    }
    this.isLoaded = true;
  }

  private transmit(clientId: string, p: Payload): boolean {
    const message = {
      client_id: clientId,
      body: p.body,
      reply_to: p.reply_to,
      file_ids: p.files.map((f) => f.id),
      button: p.button,
    };
    return this.socket.send({ t: 'send', message });
  }

  private receive(frame: ToVisitor): void {
    switch (frame.t) {
      case 'welcome':
        if (frame.conversation_id !== this.timeline.conversationId)
          this.timeline = emptyTimeline(frame.conversation_id);
        this.conversation = frame.conversation;
        this.reported = 0;
        break;
      case 'live':
        this.isLoaded = true;
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
          { code: frame.problem.code, message: frame.problem.detail ?? frame.problem.title },
          frame.retry === true,
        );
        break;
      case 'typing':
        this.showTyping(frame.on ? frame.who.name : null);
        break;
      case 'receipt':
        if (this.conversation?.id === frame.conversation_id) {
          this.conversation = {
            ...this.conversation,
            agent_read_seq: frame.agent_read_seq,
            read_seq: frame.customer_read_seq,
          };
        }
        break;
      case 'queue':
        if (this.conversation?.id === frame.conversation_id)
          this.conversation = { ...this.conversation, queue: frame.queue };
        break;
    }
  }

  private take(event: Schema['Event']): void {
    // The first message of a new conversation: what was held belongs to the former one.
    if (event.conversation_id !== this.timeline.conversationId)
      this.timeline = emptyTimeline(event.conversation_id);
    const before = this.timeline.have;
    this.timeline = withEvent(this.timeline, event);
    if (event.seq <= before) return;
    if (event.kind.startsWith('conversation.')) this.conversation = event.data as unknown as Conversation;
    if (event.kind !== 'message.created') return;
    const message = event.data as unknown as Message;
    if (message.client_id) this.outbox.acknowledged(message.client_id);
    if (message.author.kind === 'customer') return;
    this.showTyping(null);
    this.socket.send({ t: 'delivered', seq: event.seq });
    this.deps.onNewMessage(message);
  }

  private showTyping(name: string | null): void {
    clearTimeout(this.typingTimer);
    this.typist = name;
    if (name !== null) this.typingTimer = setTimeout(() => (this.typist = null), TYPING_SHOWN_MS);
  }
}
