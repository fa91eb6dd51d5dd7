import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clientId, Desk, type Visitor } from './desk.js';
import { FailingDisk } from './failing_disk.js';
import { expectStatus } from './http.js';
import { skipOnPostgres } from './server.js';

const disk = new FailingDisk();
let desk: Desk;
before(async () => {
  desk = await Desk.start({ env: disk.env, settings: ['--http.ready_grace=0s'] });
});
after(async () => {
  await desk?.dispose();
  disk.dispose();
});

const ready = async (): Promise<number> => (await fetch(`${desk.server.url}/readyz`)).status;

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`not within 10 s: ${what}`);
}

interface Sent {
  id: string;
  acknowledged: boolean;
}

/** Writes without pause; an answer that is no success means: not stored, try the same again later. */
async function write(visitor: Visitor, sent: Sent[], isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const one: Sent = { id: clientId(), acknowledged: false };
    sent.push(one);
    const answer = await visitor.post('/api/v1/visitor/messages', { client_id: one.id, body: `message ${sent.length}` });
    one.acknowledged = answer.status === 201;
    if (!one.acknowledged) {
      assert.equal(answer.status, 503, JSON.stringify(answer.body));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function stored(visitor: Visitor, conversation: string): Promise<string[]> {
  const ids: string[] = [];
  for (let before = 0, more = true; more; ) {
    const page = await expectStatus<any>(200, visitor.get(`/api/v1/visitor/conversations/${conversation}/messages?limit=100${before ? `&before=${before}` : ''}`));
    ids.push(...page.items.map((m: any) => m.client_id).filter(Boolean));
    before = Math.min(...page.items.map((m: any) => m.seq));
    more = page.items.length === 100;
  }
  return ids;
}

for (const [name, op, code] of [
  ['a full disk', 'write', 'ENOSPC'],
  ['a failing write', 'write', 'EIO'],
  ['a failing fsync', 'sync', 'EIO'],
] as const) {
  test(`${name}: refused while it lasts, served again afterwards, and each acknowledged message is there once`, { skip: skipOnPostgres }, async () => {
    const visitor = await desk.visitor();
    const first = await visitor.say('before');
    const sent: Sent[] = [];
    let isOver = false;
    const writing = write(visitor, sent, () => isOver);
    await new Promise((resolve) => setTimeout(resolve, 200));
    disk.fail(op, code);
    await until('the server says that it cannot write', async () => (await ready()) === 503);
    /* reading goes on */
    await expectStatus(200, visitor.get('/api/v1/visitor/conversations'));
    disk.mend();
    await until('the server is ready again', async () => (await ready()) === 200);
    await new Promise((resolve) => setTimeout(resolve, 200));
    isOver = true;
    await writing;
    const refused = sent.filter((m) => !m.acknowledged);
    assert.ok(refused.length > 0, 'the fault was met');
    assert.ok(sent.length - refused.length > 5, 'and messages went through around it');
    /* what was refused is not there: sending it again with the same id makes it new */
    await expectStatus(201, visitor.post('/api/v1/visitor/messages', { client_id: refused[0]!.id, body: 'again' }));
    refused[0]!.acknowledged = true;

    await desk.server.kill();
    await desk.server.launch();
    const ids = await stored(visitor, first.conversation_id);
    const count = new Map<string, number>();
    for (const id of ids) count.set(id, (count.get(id) ?? 0) + 1);
    for (const m of sent) assert.equal(count.get(m.id) ?? 0, m.acknowledged ? 1 : 0, `${m.id} acknowledged ${m.acknowledged}`);
  });
}
