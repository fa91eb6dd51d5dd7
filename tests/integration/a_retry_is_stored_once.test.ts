import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clientId, Desk } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

test('the same client_id gives the same message, over HTTP and socket, and changes nothing', async () => {
  const visitor = await desk.visitor();
  const id = clientId();
  const first = await expectStatus<any>(201, visitor.post('/api/v1/visitor/messages', { client_id: id, body: 'once' }));
  const second = await expectStatus<any>(200, visitor.post('/api/v1/visitor/messages', { client_id: id, body: 'once' }));
  assert.equal(second.id, first.id);
  const socket = visitor.openSocket(0, null);
  await socket.frame('live');
  socket.send({ t: 'send', message: { client_id: id, body: 'once' } });
  const ack = await socket.frame('ack');
  assert.equal(ack.message_id, first.id);
  assert.equal(ack.duplicate, true);
  const page = await expectStatus<any>(200, visitor.get(`/api/v1/visitor/conversations/${first.conversation_id}/messages`));
  assert.equal(page.items.filter((m: any) => m.client_id === id).length, 1);
});

test('twenty first messages at once open one conversation', async () => {
  for (let round = 0; round < 5; round++) {
    const visitor = await desk.visitor();
    const made = await Promise.all(Array.from({ length: 20 }, (_, i) => visitor.say(`first ${i}`)));
    assert.equal(new Set(made.map((m) => m.conversation_id)).size, 1);
    const list = await expectStatus<any>(200, visitor.get('/api/v1/visitor/conversations'));
    assert.equal(list.items.length, 1);
    const seqs = made.map((m) => m.seq);
    assert.equal(new Set(seqs).size, 20);
  }
});

test('one visitor cannot take the id of another for a retry', async () => {
  const [a, b] = [await desk.visitor(), await desk.visitor()];
  const id = clientId();
  const mine = await expectStatus<any>(201, a.post('/api/v1/visitor/messages', { client_id: id, body: 'a' }));
  const theirs = await expectStatus<any>(201, b.post('/api/v1/visitor/messages', { client_id: id, body: 'b' }));
  assert.notEqual(mine.id, theirs.id);
});
