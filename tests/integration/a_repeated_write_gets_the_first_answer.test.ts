/** Idempotency-Key: one effect and one answer per key, whatever is killed in between. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';

import { clientId, Desk, type AgentClient } from './desk.js';
import { expectStatus, type Answer } from './http.js';
import { onPostgres } from './server.js';
import { openapi } from './spec.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

const newKey = () => randomBytes(16).toString('hex');
const post = (who: AgentClient, path: string, body: unknown, key: string) => who.post(path, body, { 'idempotency-key': key });
const namesOf = async (who: AgentClient): Promise<string[]> => (await expectStatus<any>(200, who.get('/api/v1/api-keys'))).items.map((k: any) => k.name);
const makeKey = (name: string) => ({ name, scopes: ['conversation.read'] });

test('the same key and body: one effect, the first answer again, said so; what is shown once is in it', async () => {
  const key = newKey();
  const first = await post(desk.owner, '/api/v1/api-keys', makeKey('once'), key);
  assert.equal(first.status, 201);
  assert.equal(first.headers.get('idempotency-replayed'), null);
  const second = await post(desk.owner, '/api/v1/api-keys', makeKey('once'), key);
  assert.equal(second.status, 201);
  assert.equal(second.headers.get('idempotency-replayed'), 'true');
  assert.deepEqual(second.body, first.body);
  assert.equal((await namesOf(desk.owner)).filter((n) => n === 'once').length, 1);
});

test('the kept answer is not readable in the files of the database', async () => {
  const made = await expectStatus<any>(201, post(desk.owner, '/api/v1/api-keys', makeKey('sealed'), newKey()));
  const { readdirSync, readFileSync } = await import('node:fs');
  for (const file of readdirSync(desk.server.dir).filter((f) => f.startsWith('stablehand'))) {
    assert.equal(readFileSync(`${desk.server.dir}/${file}`).includes(made.secret), false, file);
  }
});

test('the same key with another body, address or version is refused by name, and changes nothing', async () => {
  const key = newKey();
  await expectStatus(201, post(desk.owner, '/api/v1/api-keys', makeKey('a'), key));
  for (const answer of [await post(desk.owner, '/api/v1/api-keys', makeKey('b'), key), await post(desk.owner, '/api/v1/teams', { name: 'T', member_ids: [] }, key)]) {
    assert.equal(answer.status, 422);
    assert.deepEqual([answer.body.code, answer.body.errors[0].field], ['idempotency_mismatch', 'Idempotency-Key']);
  }
  assert.equal((await namesOf(desk.owner)).includes('b'), false);
});

test('a bad key is refused', async () => {
  const long = await post(desk.owner, '/api/v1/api-keys', makeKey('bad key'), 'x'.repeat(256));
  assert.deepEqual([long.status, long.body.errors[0].field], [400, 'Idempotency-Key']);
  const spaced = await post(desk.owner, '/api/v1/api-keys', makeKey('bad key'), 'a b');
  assert.deepEqual([spaced.status, spaced.body.errors[0].field], [400, 'Idempotency-Key']);
});

test('keys belong to their caller', async () => {
  const other = await desk.agent('Ada Admin', 'admin');
  const key = newKey();
  const mine = await expectStatus<any>(201, post(desk.owner, '/api/v1/api-keys', makeKey('mine'), key));
  const theirs = await post(other, '/api/v1/api-keys', makeKey('mine'), key);
  assert.equal(theirs.status, 201);
  assert.notEqual(theirs.body.id, mine.id);
});

test('a request that was refused does not use its key up', async () => {
  const key = newKey();
  const body = { name: 'Night', member_ids: [] };
  const taken = await expectStatus<any>(201, desk.owner.post('/api/v1/teams', body));
  assert.equal((await post(desk.owner, '/api/v1/teams', body, key)).status, 409);
  await expectStatus(204, desk.owner.delete(`/api/v1/teams/${taken.id}`));
  assert.equal((await post(desk.owner, '/api/v1/teams', body, key)).status, 201);
});

test('an edit under If-Match that is sent again gets its answer and its tag, not 412', async () => {
  const team = await expectStatus<any>(201, desk.owner.post('/api/v1/teams', { name: 'Edited', member_ids: [] }));
  const headers = { 'idempotency-key': newKey(), 'if-match': `"v${team.version}"` };
  const path = `/api/v1/teams/${team.id}`;
  const first = await desk.owner.put(path, { name: 'Edited once', member_ids: [] }, headers);
  const second = await desk.owner.put(path, { name: 'Edited once', member_ids: [] }, headers);
  assert.deepEqual([first.status, second.status], [200, 200]);
  assert.equal(second.headers.get('etag'), first.headers.get('etag'));
  assert.deepEqual(second.body, first.body);
});

test('twenty at once: one effect; the others hear its answer or are told to wait', async () => {
  for (let round = 0; round < 10; round++) {
    const key = newKey();
    const name = `race ${round}`;
    const answers: Answer[] = await Promise.all(Array.from({ length: 20 }, () => post(desk.owner, '/api/v1/api-keys', makeKey(name), key)));
    const made = answers.filter((a) => a.status === 201);
    assert.equal(made.filter((a) => a.headers.get('idempotency-replayed') === null).length, 1);
    assert.equal(new Set(made.map((a) => a.body.id)).size, 1);
    for (const a of answers.filter((x) => x.status !== 201)) {
      assert.deepEqual([a.status, a.body.code, a.headers.get('retry-after')], [409, 'idempotency_under_way', '1']);
    }
    assert.equal((await namesOf(desk.owner)).filter((n) => n === name).length, 1);
  }
});

test('a visitor writes with a key: one message', async () => {
  const visitor = await desk.visitor();
  const key = newKey();
  const body = { client_id: clientId(), body: 'hello' };
  const first = await visitor.post('/api/v1/visitor/messages', body, { 'idempotency-key': key });
  const second = await visitor.post('/api/v1/visitor/messages', body, { 'idempotency-key': key });
  assert.deepEqual([first.status, second.status, second.headers.get('idempotency-replayed')], [201, 201, 'true']);
  assert.equal(second.body.id, first.body.id);
});

/** Sends until it is answered, as a client does that must not give up. Counts how often the answer was lost. */
async function insist(who: AgentClient, name: string, key: string): Promise<'made' | 'lost'> {
  /* Where others may be writing too, a claim without an answer is somebody at work, for a minute. */
  for (let tries = 0; tries < (onPostgres ? 4000 : 200); tries++) {
    try {
      const answer = await post(who, '/api/v1/api-keys', makeKey(name), key);
      if (answer.status === 201) return 'made';
      if (answer.body.code === 'idempotency_answer_lost') return 'lost';
      assert.ok([409, 503].includes(answer.status), JSON.stringify(answer.body));
    } catch (e) {
      if (!(e instanceof TypeError)) throw e; /* fetch failed: the server is down */
    }
    await new Promise((r) => setTimeout(r, 20));
  }
  throw new Error(`${name}: no answer`);
}

test('killed at random moments, with twelve writers that send until they are answered: every write is there once', async () => {
  let kills = 0;
  let lost = 0;
  const names: string[] = [];
  let stop = false;
  const writer = async (w: number) => {
    /* The list of keys shows 200. */
    for (let i = 0; !stop && i < 14; i++) {
      await new Promise((r) => setTimeout(r, Math.random() * 200));
      const name = `crash ${w}.${i}`;
      names.push(name);
      if ((await insist(desk.owner, name, newKey())) === 'lost') lost++;
    }
  };
  const writers = Array.from({ length: 12 }, (_, w) => writer(w));
  for (; kills < 15; kills++) {
    await new Promise((r) => setTimeout(r, 30 + Math.random() * 150));
    await desk.server.kill();
    await desk.server.launch();
  }
  stop = true;
  await Promise.all(writers);
  const there = (await namesOf(desk.owner)).filter((n) => n.startsWith('crash '));
  assert.equal(new Set(there).size, there.length, 'nothing is doubled');
  assert.deepEqual([...there].sort(), [...names].sort(), 'nothing is missing');
  assert.ok(names.length > (onPostgres ? 12 : 50), `${names.length} writes`);
  console.log(`# ${kills} kills, ${names.length} writes, ${lost} answers lost`);
});

test('the spec says of every write by somebody known whether it takes a key', () => {
  for (const [path, item] of Object.entries<any>(openapi.paths)) {
    for (const method of ['post', 'patch']) {
      const op = item[method];
      if (!op || op['x-auth'] === 'public') continue;
      const takes = (op.parameters ?? []).some((p: any) => p.$ref?.endsWith('/IdempotencyKey'));
      assert.ok(takes || op['x-no-key'], `${method} ${path}`);
    }
  }
});
