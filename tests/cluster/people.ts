/** Visitors and agents with the product's own client parts: the socket that comes back, the outbox that sends again, the follower that fetches what is missing. */
import WebSocket from 'ws';

import { ResumingSocket, type SocketStatus } from '../../web/packages/api/src/socket.js';
import { Follower } from '../../web/packages/core/src/follower.js';
import { Outbox } from '../../web/packages/core/src/outbox.js';
import { AgentClient, clientId, Visitor } from '../integration/desk.js';
import { expectStatus } from '../integration/http.js';
import type { History } from './history.js';
import { sleep } from './process.js';

/* The client parts compare with the browser's constants. */
globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;

type Frame = { t: string } & Record<string, any>;
const TICK_MS = 3000;
const PAGE_TIMEOUT_MS = 10_000;

/** Over a line that may break at any time: until it is answered. Only for what may be asked twice. */
export async function persist<T>(what: string, call: () => Promise<T>, withinMs = 90_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await Promise.race([call(), sleep(PAGE_TIMEOUT_MS).then(() => Promise.reject(new Error('no answer')))]);
    } catch (e) {
      const isFinal = /^Error: status 4(?!01|08|09|25|29)/.test(String(e));
      if (isFinal || Date.now() > deadline) throw new Error(`${what}: ${String(e)}`);
      await sleep(200);
    }
  }
}

/** One person on one line: writes with ids of their own, and records what is sent, acknowledged and heard. */
export abstract class Person {
  protected readonly socket: ResumingSocket<Frame, Frame>;
  protected readonly outbox: Outbox<{ conversation: string; body: string }>;
  protected isLive = false;
  private readonly timer: NodeJS.Timeout;
  private n = 0;

  constructor(
    readonly name: string,
    protected readonly history: History,
    url: string,
    headers: Record<string, string>,
  ) {
    this.socket = new ResumingSocket<Frame, Frame>({
      url: () => url,
      hello: () => this.hello(),
      onFrame: (frame) => this.receive(frame),
      onStatus: (status) => this.lineChanged(status),
      makeSocket: (to) => {
        const socket = new WebSocket(to, { headers, handshakeTimeout: 8000 });
        socket.on('error', () => undefined);
        return socket as unknown as globalThis.WebSocket;
      },
    });
    this.outbox = new Outbox({
      storage: { load: () => null, save: () => undefined },
      transmit: (id, p) => this.socket.send(this.frame(id, p.conversation, p.body)),
      onChange: () => undefined,
      now: Date.now,
    });
    this.timer = setInterval(() => this.isLive && this.outbox.tick(), TICK_MS);
  }

  protected abstract hello(): Frame;
  protected abstract frame(id: string, conversation: string, body: string): Frame;
  protected abstract take(frame: Frame): void;

  start(): void {
    this.socket.start();
  }

  stop(): void {
    clearInterval(this.timer);
    this.socket.stop();
  }

  get unacknowledged(): number {
    return this.outbox.pending.length;
  }

  say(conversation: string): void {
    const [id, body] = [clientId(), `${this.name} ${this.n++}`];
    this.history.add({ op: 'invoke', client: this.name, conversation, id, body });
    this.outbox.add(id, { conversation, body });
  }

  private lineChanged(status: SocketStatus): void {
    this.isLive = status === 'live';
    this.history.add({ op: 'line', client: this.name, status });
  }

  private receive(frame: Frame): void {
    if (frame.t === 'ack') {
      const { client_id: id, conversation_id: conversation, message_id: message, seq } = frame as any;
      if (this.outbox.pending.some((e) => e.clientId === id)) this.history.add({ op: 'ack', client: this.name, conversation, id, message, seq });
      this.outbox.acknowledged(id);
    } else if (frame.t === 'nack') {
      if (!frame.retry) throw new Error(`${this.name}: refused for good: ${JSON.stringify(frame)}`);
      this.outbox.refused(frame.client_id, { code: frame.problem.code, message: '' }, true);
    } else if (frame.t === 'live') this.outbox.lineIsLive();
    this.take(frame);
  }

  protected heard(event: any): void {
    const { conversation_id: conversation, seq, kind, data } = event;
    this.history.add({ op: 'receive', client: this.name, conversation, seq, kind, message: kind.startsWith('message.') ? data.id : null, live: this.isLive });
  }
}

export class VisitorPerson extends Person {
  private have = 0;

  constructor(
    name: string,
    history: History,
    private readonly visitor: Visitor,
    readonly conversation: string,
  ) {
    super(name, history, `${visitor.baseUrl.replace('http', 'ws')}/api/v1/visitor/socket`, { origin: visitor.baseUrl });
  }

  protected hello(): Frame {
    return { t: 'hello', token: this.visitor.token, conversation_id: this.conversation, have: this.have };
  }

  protected frame(id: string, _conversation: string, body: string): Frame {
    return { t: 'send', message: { client_id: id, body } };
  }

  /** A replay may repeat nothing: the server was told what is held. */
  protected take(frame: Frame): void {
    if (frame.t !== 'event' || frame.event.conversation_id !== this.conversation) return;
    this.heard(frame.event);
    this.have = Math.max(this.have, frame.event.seq);
  }
}

export class AgentPerson extends Person {
  private readonly followers = new Map<string, Follower>();
  /** Called for each offer, on connecting too. */
  onOffer: ((offer: any) => void) | null = null;

  constructor(
    name: string,
    history: History,
    readonly client: AgentClient,
  ) {
    const cookie = [...client.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
    super(name, history, `${client.baseUrl.replace('http', 'ws')}/api/v1/socket`, { cookie, origin: client.baseUrl });
  }

  follow(conversation: string): void {
    const follower = new Follower(conversation, {
      fetchEvents: async (after) => {
        const answer = await Promise.race([
          this.client.get<any>(`/api/v1/conversations/${conversation}/events?after=${after}&limit=100`),
          sleep(PAGE_TIMEOUT_MS).then(() => Promise.reject(new Error('no answer'))),
        ]);
        if (answer.status !== 200) throw Object.assign(new Error('events'), { status: answer.status });
        return answer.body;
      },
      fetchOlder: () => Promise.resolve({ items: [], has_more: false }),
      onChange: () => undefined,
      onEvent: (event) => this.heard(event),
    });
    this.followers.set(conversation, follower);
    if (this.isLive) this.view(follower);
  }

  /** The socket's position among all events matters only to lists; the followers know theirs. */
  protected hello(): Frame {
    return { t: 'hello', csrf_token: this.client.csrf!, have: null, tab: `tab-${this.name}` };
  }

  protected frame(id: string, conversation: string, body: string): Frame {
    return { t: 'send', conversation_id: conversation, message: { client_id: id, kind: 'public', body, expect_seq: null } };
  }

  private view(follower: Follower): void {
    this.socket.send({ t: 'view', conversation_id: follower.conversationId, open: true, have: follower.timeline.have });
  }

  protected take(frame: Frame): void {
    if (frame.t === 'live') for (const f of this.followers.values()) this.view(f);
    else if (frame.t === 'event') this.followers.get(frame.event.conversation_id)?.receive(frame.event);
    else if (frame.t === 'viewed') this.followers.get(frame.conversation_id)?.reached(frame.last_seq);
    else if (frame.t === 'offer') this.onOffer?.(frame.offer);
    else if (frame.t === 'welcome') for (const offer of frame.offers) this.onOffer?.(offer);
  }

  get isBehind(): boolean {
    return [...this.followers.values()].some((f) => f.isBehind);
  }

  /** How far it is in a conversation. */
  haveOf(conversation: string): number {
    return this.followers.get(conversation)?.timeline.have ?? 0;
  }

  override stop(): void {
    super.stop();
    for (const f of this.followers.values()) f.stop();
  }
}

export { clientId, expectStatus };
