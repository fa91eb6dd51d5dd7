import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clientId, Desk } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

test('409 stale names what arrived; a note of a colleague does not stop; null sends anyway', async () => {
  const visitor = await desk.visitor();
  const first = await visitor.say('one');
  const path = `/api/v1/conversations/${first.conversation_id}/messages`;
  const seen = (await expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${first.conversation_id}`))).last_seq;
  await expectStatus(201, desk.owner.post(path, { client_id: clientId(), kind: 'note', body: 'for us' }));
  await expectStatus(201, desk.owner.post(path, { client_id: clientId(), kind: 'public', body: 'fine', expect_seq: seen }));
  const now = (await expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${first.conversation_id}`))).last_seq;
  await visitor.say('wait, it arrived!');
  const id = clientId();
  const stopped = await desk.owner.post(path, { client_id: id, kind: 'public', body: 'too late', expect_seq: now });
  assert.equal(stopped.status, 409);
  assert.equal(stopped.body.code, 'stale');
  await expectStatus(201, desk.owner.post(path, { client_id: id, kind: 'public', body: 'too late', expect_seq: null }));
});
