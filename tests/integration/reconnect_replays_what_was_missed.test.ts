import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clientId, Desk } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

const say = (client: { post: any }, conversation: string, body: string, kind = 'public') =>
  expectStatus<any>(201, client.post(`/api/v1/conversations/${conversation}/messages`, { client_id: clientId(), kind, body }));

test('a customer who comes back gets what was missed, once and in order, and never a note', async () => {
  const visitor = await desk.visitor();
  const first = await visitor.say('hello');
  const a = visitor.openSocket(0, null);
  await a.frame('live');
  a.terminate();
  for (let i = 0; i < 30; i++) {
    await say(desk.owner, first.conversation_id, `reply ${i}`);
    if (i % 3 === 0) await say(desk.owner, first.conversation_id, `secret ${i}`, 'note');
  }
  const b = visitor.openSocket(first.seq, first.conversation_id);
  await b.frame('live');
  await say(desk.owner, first.conversation_id, 'live again');
  await b.event('message.created', (m) => m.body === 'live again');
  assert.deepEqual(
    b.messages().map((m) => m.body),
    [...Array.from({ length: 30 }, (_, i) => `reply ${i}`), 'live again'],
  );
  const seqs = b.frames.filter((f) => f.t === 'event').map((f) => f.event.seq);
  assert.deepEqual(seqs, [...seqs].sort((x, y) => x - y));
  assert.equal(new Set(seqs).size, seqs.length);
});

test('an agent who comes back gets the events after the last one it held', async () => {
  const visitor = await desk.visitor();
  const first = await visitor.say('one');
  const a = desk.owner.openSocket();
  const { last_event_id } = await a.frame('welcome');
  await a.frame('live');
  a.terminate();
  await expectStatus(200, desk.owner.post(`/api/v1/conversations/${first.conversation_id}/assignment`, { agent_id: desk.owner.id }));
  await visitor.say('two');
  await visitor.say('three');
  const b = desk.owner.openSocket(last_event_id);
  await b.frame('live');
  // With several writers what was committed a moment ago may come right behind `live` (event_catch_up).
  await b.event('message.created', (m) => m.body === 'three');
  assert.deepEqual(
    b.messages().map((m) => m.body),
    ['two', 'three'],
  );
});

test('a server restart in the middle: both sides end with the same truth', async () => {
  const visitor = await desk.visitor();
  const first = await visitor.say('before');
  assert.equal(await desk.server.stop(), 0);
  await desk.server.launch();
  await say(desk.owner, first.conversation_id, 'after');
  const socket = visitor.openSocket(0, null);
  await socket.frame('live');
  const page = await expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${first.conversation_id}/messages`));
  const truth = page.items.filter((m: any) => m.kind === 'public').map((m: any) => m.id);
  assert.deepEqual(
    socket.messages().filter((m) => m.kind === 'public').map((m) => m.id),
    truth.reverse(),
  );
});
