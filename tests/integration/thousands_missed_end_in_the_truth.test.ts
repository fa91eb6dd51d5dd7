/** Thousands of events while the line was down: afterwards each side holds exactly what the server holds, with the console's own follower on the agents' side. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Follower } from '../../web/packages/core/src/follower.js';
import { clientId, Desk, type AgentClient, type Visitor } from './desk.js';
import { expectStatus } from './http.js';
import type { SocketClient } from './sockets.js';

const N_MISSED = 4200;

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

/** Speaks `n` times, every so often as a note, edits some, deletes some. */
async function speak(agent: AgentClient, conversation: string, n: number, body: (i: number) => string): Promise<void> {
  const one = async (i: number) => {
    const kind = i % 7 === 3 ? 'note' : 'public';
    const ack = await expectStatus<any>(201, agent.post(`/api/v1/conversations/${conversation}/messages`, { client_id: clientId(), kind, body: body(i) }));
    const id = ack.message?.id ?? ack.message_id ?? ack.id;
    if (i % 50 === 1) await expectStatus(200, agent.patch(`/api/v1/messages/${id}`, { body: `better ${i}` }));
    if (i % 50 === 2) await expectStatus(200, agent.delete(`/api/v1/messages/${id}`));
  };
  for (let i = 0; i < n; i += 30) await Promise.all(Array.from({ length: Math.min(30, n - i) }, (_, k) => one(i + k)));
}

async function stored(client: { get: any }, path: string): Promise<any[]> {
  const all: any[] = [];
  for (let query = '?limit=100'; ; query = `?limit=100&before=${all.at(-1).seq}`) {
    const page = await expectStatus<any>(200, client.get(path + query));
    all.push(...page.items);
    if (!page.has_more) return all.reverse();
  }
}

/** As the console holds it: the newest page, then whatever the line and the pages bring. */
class Screen {
  readonly follower: Follower;

  constructor(
    private readonly agent: AgentClient,
    readonly id: string,
  ) {
    const path = `/api/v1/conversations/${id}`;
    this.follower = new Follower(id, {
      fetchEvents: (have) => expectStatus<any>(200, agent.get(`${path}/events?after=${have}&limit=100`)),
      fetchOlder: (seq) => expectStatus<any>(200, agent.get(`${path}/messages?before=${seq}&limit=100`)),
      onChange: () => undefined,
    });
  }

  async load(): Promise<void> {
    const page = await expectStatus<any>(200, this.agent.get(`/api/v1/conversations/${this.id}/messages?limit=30`));
    this.follower.load(page.items, page.has_more);
  }

  /** Views it over this socket until the server says how far it is and nothing is missing. */
  async view(socket: SocketClient): Promise<any> {
    const from = socket.frames.length;
    socket.send({ t: 'view', conversation_id: this.id, open: true, have: this.follower.timeline.have });
    const viewed = await socket.until('viewed', () => socket.frames.slice(from).find((f) => f.t === 'viewed'));
    for (const f of socket.frames) if (f.t === 'event') this.follower.receive(f.event);
    this.follower.reached(viewed.last_seq);
    await socket.until('all of it', () => !this.follower.isBehind);
    return viewed;
  }
}

const heard = (socket: SocketClient) => socket.frames.filter((f) => f.t === 'event').map((f) => f.event);

test('an agent who missed thousands of a conversation it only watches holds all of it after one view', { timeout: 120_000 }, async () => {
  const visitor = await desk.visitor();
  const { conversation_id: id } = await visitor.say('hello');
  const screen = new Screen(desk.owner, id);
  await screen.load();
  const a = desk.owner.openSocket();
  const { last_event_id } = await a.frame('welcome');
  await a.frame('live');
  await screen.view(a);
  a.terminate();

  await speak(desk.owner, id, N_MISSED, (i) => `while away ${i}`);

  const b = desk.owner.openSocket(last_event_id);
  await b.frame('resync');
  await b.frame('live');
  const viewed = await screen.view(b);
  assert.ok(viewed.last_seq > N_MISSED, 'thousands were missed');
  assert.ok(heard(b).length <= 220, `the writer's thread read only a few: ${heard(b).length}`);
  await visitor.say('live again');
  await b.event('message.created', (m) => m.body === 'live again');
  for (const event of heard(b)) screen.follower.receive(event);

  while (screen.follower.timeline.hasOlder) await screen.follower.older();
  const truth = await stored(desk.owner, `/api/v1/conversations/${id}/messages`);
  assert.deepEqual(screen.follower.timeline.messages, truth);
  assert.equal(screen.follower.timeline.have, truth.at(-1).seq);
  b.close();
});

test('frames of a replay that is cut at its bytes are whole', async () => {
  const visitor = await desk.visitor();
  const { conversation_id: id } = await visitor.say('hello');
  await speak(desk.owner, id, 60, (i) => `${i} ${'长'.repeat(3000)}`);
  const screen = new Screen(desk.owner, id);
  const socket = desk.owner.openSocket();
  await socket.frame('live');
  const viewed = await screen.view(socket);
  const seqs = heard(socket).map((e) => e.seq);
  assert.deepEqual(seqs, seqs.map((_, i) => i + 1), 'from the first, without a gap');
  assert.ok(seqs.length < viewed.last_seq, 'cut by size');
  assert.deepEqual(
    screen.follower.timeline.messages.map((m) => m.id),
    (await stored(desk.owner, `/api/v1/conversations/${id}/messages`)).map((m) => m.id),
  );
  socket.close();
});

/** Comes again with what it holds until it is told that nothing is missing. */
async function comeBack(visitor: Visitor, have: number, conversation: string, events: Map<number, any>): Promise<number> {
  for (let lines = 1; ; lines++) {
    const socket = visitor.openSocket(have, conversation);
    await socket.until('live or closed', () => socket.closeCode !== null || socket.frames.some((f) => f.t === 'live'));
    for (const event of heard(socket)) {
      assert.ok(event.seq > have, `seq ${event.seq} came after ${have}`);
      have = event.seq;
      events.set(event.seq, event);
    }
    socket.close();
    if (socket.frames.some((f) => f.t === 'live')) return lines;
    assert.equal(socket.closeCode, 4008);
  }
}

test('a customer who missed more than one answer can carry comes again until nothing is missing', { timeout: 120_000 }, async () => {
  const visitor = await desk.visitor();
  const { conversation_id: id } = await visitor.say('hello');
  await speak(desk.owner, id, N_MISSED, (i) => `${i} ${'words '.repeat(200)}`);
  const events = new Map<number, any>();
  const lines = await comeBack(visitor, 0, id, events);
  assert.ok(lines > 1, 'more than fits into one answer');
  const now = new Map<string, any>();
  for (const event of events.values()) if (event.kind.startsWith('message.')) now.set(event.data.id, event.data);
  assert.deepEqual([...now.values()], await stored(visitor, `/api/v1/visitor/conversations/${id}/messages`));
});
