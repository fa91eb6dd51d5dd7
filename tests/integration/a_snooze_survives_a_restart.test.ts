/** A snooze is a row: it ends at its second, also when the server was down then, and a customer's word ends it at any time. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Desk, type Visitor } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

const head = (id: string) => expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${id}`));
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A conversation of the owner's, put to sleep. */
async function snoozed(until: Date | null): Promise<{ visitor: Visitor; id: string }> {
  const visitor = await desk.visitor();
  const { conversation_id: id } = await visitor.say('hello');
  await expectStatus(200, desk.owner.post(`/api/v1/conversations/${id}/assignment`, { agent_id: desk.owner.id }));
  await expectStatus(200, desk.owner.post(`/api/v1/conversations/${id}/state`, { state: 'snoozed', snoozed_until: until?.toISOString() ?? null }));
  assert.equal((await head(id)).state, 'snoozed');
  return { visitor, id };
}

async function awake(id: string, withinMs: number): Promise<number> {
  for (const end = Date.now() + withinMs; Date.now() < end; await sleep(20)) {
    if ((await head(id)).state === 'open') return Date.now();
  }
  throw new Error('still asleep');
}

test('it ends at its second, in a server that was started anew meanwhile', async () => {
  const until = new Date(Date.now() + 3000);
  const { id } = await snoozed(until);
  await desk.server.kill();
  await desk.server.launch();
  assert.equal((await head(id)).state, 'snoozed');
  const at = await awake(id, 10_000);
  assert.ok(at >= until.getTime() - 50, 'not before');
  assert.ok(at < until.getTime() + 2000, `${at - until.getTime()} ms late`);
  assert.equal((await head(id)).snoozed_until, null);
});

test('what fell due while the server was down is awake at once afterwards', async () => {
  const { id } = await snoozed(new Date(Date.now() + 1000));
  await desk.server.stop();
  await sleep(1200);
  await desk.server.launch();
  await awake(id, 3000);
});

test('until a reply: no time ends it, a restart does not either, the customer does', async () => {
  const { visitor, id } = await snoozed(null);
  await desk.server.kill();
  await desk.server.launch();
  await sleep(300);
  assert.equal((await head(id)).state, 'snoozed');
  await visitor.say('any news?');
  assert.equal((await head(id)).state, 'open');
});

test('a reply ends one with a time, and the time then does nothing more', async () => {
  const { visitor, id } = await snoozed(new Date(Date.now() + 1500));
  await visitor.say('any news?');
  const { version } = await head(id);
  await desk.server.kill();
  await desk.server.launch();
  await sleep(1800);
  const now = await head(id);
  assert.equal(now.state, 'open');
  assert.equal(now.version, version, 'nobody touched it');
});
