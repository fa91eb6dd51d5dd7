/** Retention: events of conversations that were resolved long ago go, and nobody gets a replay with a hole in it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clientId, Desk } from './desk.js';
import { expectStatus } from './http.js';
import { onPostgres, rowsOf } from './server.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

/** Statements on the database of a server that does not run. */
const onFile = (script: string): any => rowsOf(desk.server.dir, script);

/** On PostgreSQL old events go a month at a time, and a month is over when the next one has begun. */
const NEXT_MONTH = `DO $$ DECLARE k bigint := (SELECT last_value >> 40 FROM events_id_seq) + 1; BEGIN
  CREATE TABLE events_next (LIKE events INCLUDING DEFAULTS, PRIMARY KEY (id));
  CREATE UNIQUE INDEX ON events_next (conversation_id, seq);
  EXECUTE format('ALTER TABLE events ATTACH PARTITION events_next FOR VALUES FROM (%s) TO (%s)', k << 40, (k + 1) << 40);
  PERFORM setval('events_id_seq', k << 40);
END $$`;

test('events before the last message go; who held less is told to load again, who loads gets on', async () => {
  const visitor = await desk.visitor();
  const first = await visitor.say('first');
  const id = first.conversation_id;
  const agentSocket = desk.owner.openSocket();
  const { last_event_id } = await agentSocket.frame('welcome');
  await expectStatus(200, desk.owner.post(`/api/v1/conversations/${id}/assignment`, { agent_id: desk.owner.id }));
  for (let i = 0; i < 5; i++) await visitor.say(`more ${i}`);
  const last = await expectStatus<any>(201, desk.owner.post(`/api/v1/conversations/${id}/messages`, { client_id: clientId(), kind: 'public', body: 'bye' }));
  await expectStatus(200, desk.owner.post(`/api/v1/conversations/${id}/state`, { state: 'resolved' }));
  const open = await (await desk.visitor()).say('an open conversation');
  agentSocket.terminate();
  assert.equal(await desk.server.stop(), 0);

  const count = () => onFile(`SELECT COUNT(*) FROM events WHERE conversation_id = ${id}`)[0][0];
  const all = count();
  onFile(`UPDATE conversations SET resolved_at = resolved_at - ${91 * 86_400_000} WHERE id = ${id}`);
  onFile(`UPDATE events SET at = at - ${91 * 86_400_000}`);
  if (onPostgres) onFile(NEXT_MONTH);
  await desk.server.launch();
  await new Promise((r) => setTimeout(r, 2500));
  assert.equal(await desk.server.stop(), 0);
  const left = onFile(`SELECT seq FROM events WHERE conversation_id = ${id} ORDER BY seq`).map((r: number[]) => r[0]);
  assert.ok(left[0] >= last.seq, `${left[0]}`);
  assert.ok(left.length < all, `${left.length} of ${all}`);
  assert.equal(onFile(`SELECT COUNT(*) FROM events WHERE conversation_id = ${open.conversation_id}`)[0][0] > 0, true, 'open conversations keep theirs');
  await desk.server.launch();

  /* an agent whose cursor is older */
  const stale = desk.owner.openSocket(last_event_id);
  const resync = await stale.frame('resync');
  const now = desk.owner.openSocket(resync.last_event_id);
  await now.frame('live');
  assert.equal(now.frames.some((f) => f.t === 'resync'), false);
  const gone = await desk.owner.get(`/api/v1/conversations/${id}/events?after=${first.seq}`);
  assert.deepEqual([gone.status, gone.body.code, gone.body.errors[0].field], [410, 'events_pruned', 'after']);
  const page = await expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${id}/messages`));
  const written = (items: any[]) => items.filter((m) => m.kind === 'public').length;
  assert.equal(written(page.items), 7);
  const newest = Math.max(...page.items.map((m: any) => m.seq));
  const rest = await expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${id}/events?after=${newest}`));
  assert.ok(rest.items.length > 0);
  assert.deepEqual(rest.items.map((e: any) => e.seq), Array.from({ length: rest.items.length }, (_, i) => newest + 1 + i), 'no hole for who loads');

  /* a customer with an old page, and one who loaded */
  const old = visitor.openSocket(first.seq, id);
  await old.frame('resync');
  assert.equal(old.messages().length, 0);
  const shown = await expectStatus<any>(200, visitor.get(`/api/v1/visitor/conversations/${id}/messages`));
  assert.equal(written(shown.items), 7);
  const loaded = visitor.openSocket(Math.max(...shown.items.map((m: any) => m.seq)), id);
  await loaded.frame('live');
  assert.equal(loaded.frames.some((f) => f.t === 'resync'), false);
});

test('the hint of a first start tells the port that was really given, and only there', async () => {
  const fresh = await (await import('./server.js')).Server.start();
  try {
    await new Promise((r) => setTimeout(r, 300));
    const hint = fresh.log.find((l) => l.includes('has no owner yet'));
    assert.match(hint ?? '', new RegExp(`http://127\\.0\\.0\\.1:${fresh.port}/console/`));
  } finally {
    await fresh.dispose();
  }
});

test('a demo that listens beyond this machine says so', async () => {
  const { Server } = await import('./server.js');
  for (const [address, warns] of [
    ['0.0.0.0:0', true],
    ['127.0.0.1:0', false],
  ] as const) {
    const demo = await Server.start({ demo: true, settings: [`--http.listen=${address}`] });
    try {
      await new Promise((r) => setTimeout(r, 300));
      assert.equal(demo.log.some((l) => /WARNING: this demo listens on 0\.0\.0\.0:0/.test(l)), warns, demo.log.join('\n'));
    } finally {
      await demo.dispose();
    }
  }
});
