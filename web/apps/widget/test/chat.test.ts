import { createApi } from '@stablehand/api';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { TabBox } from '../src/state/boxes.js';
import { Chat, type Conversation } from '../src/state/chat.svelte.js';
import { makeKeep } from '../src/state/keep.js';

class FakeSocket {
  static last: FakeSocket;
  readyState = 1;
  sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((e: { data: string }) => void) | null = null;
  onclose: ((e: { code: number }) => void) | null = null;
  constructor() {
    FakeSocket.last = this;
    queueMicrotask(() => this.onopen?.());
  }
  send(text: string) {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close() {
    this.readyState = 3;
  }
  say(frame: unknown) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  of(t: string) {
    return this.sent.filter((f) => f['t'] === t);
  }
}

const AT = '2026-01-02T03:04:05.000Z';
const head = (id: string, over: Partial<Conversation> = {}): Conversation => ({
  id,
  state: 'open',
  handler: 'bot',
  agent_name: null,
  last_seq: 0,
  read_seq: 0,
  agent_read_seq: 0,
  queue: null,
  can_rate: false,
  rating: null,
  created_at: AT,
  updated_at: AT,
  preview: '',
  ...over,
});
const message = (
  conversation_id: string,
  seq: number,
  kind: 'customer' | 'agent' | 'bot',
  client_id?: string,
) => ({
  id: `${conversation_id}-${seq}`,
  conversation_id,
  seq,
  client_id: client_id ?? null,
  kind: 'public',
  author: { kind, id: null, name: 'x' },
  body: `m${seq}`,
  files: [],
  meta: null,
  reply_to: null,
  created_at: AT,
  edited_at: null,
  deleted_at: null,
});
const created = (
  conversation_id: string,
  seq: number,
  kind: 'customer' | 'agent' | 'bot',
  client_id?: string,
) => ({
  t: 'event',
  event: {
    id: String(seq),
    conversation_id,
    seq,
    kind: 'message.created',
    at: AT,
    data: message(conversation_id, seq, kind, client_id),
  },
});
const welcome = (conversation: Conversation | null) => ({
  t: 'welcome',
  now: AT,
  conversation_id: conversation?.id ?? null,
  last_seq: conversation?.last_seq ?? 0,
  conversation,
});

function setUp(pages: Record<string, unknown[]> = {}) {
  const world = { signedOut: 0, asked: [] as string[] };
  const api = createApi({
    baseUrl: 'https://desk.example',
    fetch: (request) => {
      world.asked.push(request.url);
      const id = /conversations\/(\w+)\//.exec(request.url)![1]!;
      const body = { items: pages[id] ?? [], has_more: false, next_cursor: null };
      return Promise.resolve(new Response(JSON.stringify(body)));
    },
  });
  const chat = new Chat({
    api,
    box: new TabBox(makeKeep('i', null), 'i', undefined, 't'),
    token: () => 'tok',
    onSignedOut: () => world.signedOut++,
    socketUrl: () => 'wss://desk.example',
    makeSocket: () => new FakeSocket() as unknown as WebSocket,
  });
  return { chat, world };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', { OPEN: 1 });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});
const settle = () => vi.advanceTimersByTimeAsync(1);

async function connected(conversation: Conversation | null, pages: Record<string, unknown[]> = {}) {
  const made = setUp(pages);
  void made.chat.start(conversation);
  await settle();
  const socket = FakeSocket.last;
  socket.say(welcome(conversation));
  socket.say({ t: 'live' });
  return { ...made, socket };
}

describe('chat', () => {
  it('loads the page first and asks the socket only for what came after', async () => {
    const { socket, chat } = await connected(head('7', { last_seq: 5 }), {
      '7': [message('7', 4, 'bot'), message('7', 2, 'customer')],
    });
    expect(socket.sent[0]).toMatchObject({ t: 'hello', token: 'tok', conversation_id: '7', have: 5 });
    expect(chat.timeline.messages.map((m) => m.seq)).toEqual([2, 4]);
  });

  it('sends once, shows it until the server has it, and takes the stored one in its place', async () => {
    const { socket, chat } = await connected(null);
    chat.send({ body: 'hello' });
    expect(chat.unsent).toHaveLength(1);
    const [frame] = socket.of('send') as { message: { client_id: string } }[];
    socket.say(created('9', 2, 'customer', frame!.message.client_id));
    expect(chat.unsent).toHaveLength(0);
    expect(chat.timeline.messages).toHaveLength(1);
    socket.say({
      t: 'ack',
      client_id: frame!.message.client_id,
      conversation_id: '9',
      message_id: '9-2',
      seq: 2,
      created_at: AT,
      duplicate: false,
    });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(socket.of('send')).toHaveLength(1);
  });

  it('keeps what is written without a line and sends it after the next hello, with the same id', async () => {
    const { socket, chat } = await connected(head('7'));
    socket.onclose?.({ code: 1006 });
    chat.send({ body: 'offline' });
    expect(chat.unsent).toHaveLength(1);
    expect(chat.isDown).toBe(false);
    await vi.advanceTimersByTimeAsync(2_600);
    const next = FakeSocket.last;
    expect(next).not.toBe(socket);
    expect(chat.isDown).toBe(true);
    next.say(welcome(head('7')));
    expect(next.of('send')).toHaveLength(0);
    next.say({ t: 'live' });
    expect(next.of('send')).toHaveLength(1);
    expect(chat.isDown).toBe(false);
  });

  it('drops what it holds when the server welcomes it to another conversation', async () => {
    const { socket, chat } = await connected(head('7', { last_seq: 2 }), {
      '7': [message('7', 2, 'customer')],
    });
    socket.onclose?.({ code: 1006 });
    await vi.advanceTimersByTimeAsync(2_000);
    const next = FakeSocket.last;
    next.say(welcome(head('8', { last_seq: 1 })));
    next.say(created('8', 1, 'bot'));
    expect(chat.timeline.conversationId).toBe('8');
    expect(chat.timeline.messages.map((m) => m.id)).toEqual(['8-1']);
    expect(chat.conversation?.id).toBe('8');
  });

  it('loads the page again when what it misses is not kept any more', async () => {
    const pages = { '7': [message('7', 2, 'customer')] as unknown[] };
    const { socket, chat } = await connected(head('7', { last_seq: 2 }), pages);
    socket.onclose?.({ code: 1006 });
    pages['7'] = [message('7', 9, 'agent'), message('7', 2, 'customer')];
    await vi.advanceTimersByTimeAsync(2_000);
    const old = FakeSocket.last;
    old.say(welcome(head('7', { last_seq: 9 })));
    old.say({ t: 'resync' });
    await settle();
    const next = FakeSocket.last;
    expect(next).not.toBe(old);
    expect(next.sent[0]).toMatchObject({ t: 'hello', conversation_id: '7', have: 9 });
    expect(chat.timeline.messages.map((m) => m.seq)).toEqual([2, 9]);
  });

  it('goes on to a newer conversation by its first event, and never back by a late one of the former', async () => {
    const { socket, chat } = await connected(head('9', { last_seq: 1 }), {
      '9': [message('9', 1, 'customer')],
    });
    socket.say(created('10', 1, 'customer'));
    socket.say(created('10', 2, 'bot'));
    socket.say(created('9', 2, 'agent'));
    expect(chat.timeline.conversationId).toBe('10');
    expect(chat.timeline.messages.map((m) => m.id)).toEqual(['10-1', '10-2']);
  });

  it('shows events that come twice once', async () => {
    const { socket, chat } = await connected(head('7'));
    socket.say(created('7', 1, 'agent'));
    socket.say(created('7', 1, 'agent'));
    expect(chat.timeline.messages).toHaveLength(1);
    expect(socket.of('delivered')).toHaveLength(1);
  });

  it('counts as unread what others wrote after the last reading, in whichever tab that was', async () => {
    const { socket, chat } = await connected(head('7', { last_seq: 3, read_seq: 1 }), {
      '7': [message('7', 3, 'agent'), message('7', 2, 'customer'), message('7', 1, 'bot')],
    });
    expect(chat.unread.map((m) => m.seq)).toEqual([3]);
    socket.say({
      t: 'receipt',
      conversation_id: '7',
      customer_read_seq: 3,
      customer_delivered_seq: 3,
      agent_read_seq: 2,
    });
    expect(chat.unread).toEqual([]);
    expect(chat.conversation?.agent_read_seq).toBe(2);
  });

  it('reports reading only while it is looked at, and once', async () => {
    const { socket, chat } = await connected(head('7'));
    socket.say(created('7', 4, 'agent'));
    chat.markRead();
    expect(socket.of('read')).toHaveLength(0);
    chat.isVisible = true;
    chat.markRead();
    chat.markRead();
    expect(socket.of('read')).toEqual([{ t: 'read', seq: 4 }]);
    expect(chat.unread).toEqual([]);
  });

  it('tells why something was refused, in a word that can be translated', async () => {
    const { socket, chat } = await connected(head('7'));
    chat.send({ body: 'x' });
    const [frame] = socket.of('send') as { message: { client_id: string } }[];
    const problem = { type: 'about:blank', title: 'Too many', status: 429, code: 'rate_limited' };
    socket.say({ t: 'nack', client_id: frame!.message.client_id, problem });
    expect(chat.unsent[0]).toMatchObject({ state: 'failed', problem: { code: 'errorTooFast' } });
    chat.retry(frame!.message.client_id);
    expect(socket.of('send')).toHaveLength(2);
  });

  it('forgets everything on reset, and an answer that comes late', async () => {
    const { chat } = setUp({ '7': [message('7', 2, 'customer')] });
    void chat.start(head('7'));
    chat.send({ body: 'x' });
    chat.reset();
    await settle();
    expect(chat.unsent).toHaveLength(0);
    expect(chat.timeline.messages).toHaveLength(0);
    expect(chat.conversation).toBe(null);
  });

  it('does not come back when the server does not know the token', async () => {
    const { socket, world } = await connected(head('7'));
    socket.onclose?.({ code: 4003 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(world.signedOut).toBe(1);
    expect(FakeSocket.last).toBe(socket);
  });

  it('ends "is typing" by itself', async () => {
    const { socket, chat } = await connected(head('7'));
    socket.say({ t: 'typing', conversation_id: '7', who: { kind: 'agent', id: '1', name: 'Wei' }, on: true });
    expect(chat.typist).toEqual({ name: 'Wei', isBot: false });
    await vi.advanceTimersByTimeAsync(7_000);
    expect(chat.typist).toBe(null);
  });
});
