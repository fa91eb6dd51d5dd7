/** A desk that lived in a file goes on in PostgreSQL: same people, same sessions, same messages, whatever happened to the move on the way. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Desk } from './desk.js';
import { expectStatus } from './http.js';
import { binary, databaseOf, dropDatabaseOf, onPostgres } from './server.js';

const skip = !onPostgres && 'wants a PostgreSQL to move to (scripts/with-postgres)';
const { STABLEHAND_BIN, SH_TEST_PG, ...clean } = process.env;
const dir = mkdtempSync(join(tmpdir(), 'stablehand-move-'));
const file = join(dir, 'data', 'stablehand.db');
const N_BULK = 200_000;
let desk: Desk;
let target = '';
let conversation = '';

/* Enough rows that a kill lands between two parts. */
const BULK = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
c = db.execute("SELECT id, last_seq FROM conversations").fetchone()
db.executemany("INSERT INTO messages (conversation_id, seq, client_id, author_kind, author_id, author_name, kind, is_public, body, n_files, created_at) VALUES (?, ?, ?, 0, 1, '李', 0, 1, ?, 0, 1)",
    ((c[0], c[1] + i, 'bulk%d' % i, '充值没到账 \\t\\n 😀 %d' % i) for i in range(1, int(sys.argv[2]) + 1)))
db.execute("UPDATE conversations SET last_seq = last_seq + ?", (int(sys.argv[2]),))
db.commit()`;

const args = (...more: string[]) => ['migrate', `--data=${join(dir, 'data')}`, '--from', `sqlite:${file}`, '--to', target, ...more];
function migrate(...more: string[]) {
  const { status, stdout, stderr } = spawnSync(binary, args(...more), { env: clean, encoding: 'utf8', timeout: 120_000 });
  return { status, stdout, stderr };
}

before(async () => {
  if (skip) return;
  target = databaseOf(join(dir, 'target'));
  desk = await Desk.start({ dir: join(dir, 'data'), url: `sqlite:${file}` });
});
after(async () => {
  await desk?.dispose();
  if (!skip) dropDatabaseOf(join(dir, 'target'));
  rmSync(dir, { recursive: true, force: true });
});

test('beside a running desk only what --live says is done', { skip }, async () => {
  conversation = (await (await desk.visitor()).say('为什么我的账户被冻结了？')).conversation_id;
  const refused = migrate();
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /stop the desk first/);
  const ahead = migrate('--live');
  assert.deepEqual([ahead.status, ahead.stderr.replace(/^time=.*\n/gm, '')], [0, '']);
  assert.match(ahead.stdout, /still lives in the file/);
});

test('a move that is killed goes on, and the desk goes on in PostgreSQL', { skip, timeout: 240_000 }, async () => {
  assert.equal(await desk.server.stop(), 0);
  execFileSync('python3', ['-c', BULK, file, String(N_BULK)]);

  const killed = spawn(binary, args(), { env: clean, stdio: 'ignore' });
  const ended = new Promise((resolve) => killed.once('exit', (code, signal) => resolve(signal ?? code)));
  const partsThere = () => Number(execFileSync('psql', ['-XqAt', '-c', 'SELECT COUNT(*) FROM stablehand_move_part', target], { encoding: 'utf8' }));
  const ahead = partsThere();
  while (partsThere() < ahead + 2) await new Promise((r) => setTimeout(r, 1));
  killed.kill('SIGKILL');
  assert.equal(await ended, 'SIGKILL', 'the kill came in the middle');
  desk.server.options.url = target;
  await assert.rejects(desk.server.launch(), /begun and not finished/);

  const moved = migrate();
  assert.deepEqual([moved.status, moved.stderr.replace(/^time=.*\n/gm, '')], [0, '']);
  const [, rows, copied, parts] = /done: \d+ tables, (\d+) rows, every one compared; .* \((\d+) of (\d+) parts/.exec(moved.stdout)!;
  assert.ok(Number(rows) > N_BULK);
  assert.ok(Number(copied) < Number(parts), 'what was there already was not copied again');
  assert.match(migrate().stderr, /wants an empty database/);

  await desk.server.launch();
  // The same session, key and ids.
  const messages = await expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${conversation}/messages`));
  assert.ok(messages.items.some((m: any) => m.body === `充值没到账 \t\n 😀 ${N_BULK}`));
  const visitor = await desk.visitor();
  const fresh = await visitor.say('still here');
  assert.ok(Number(fresh.id) > N_BULK);
  const doctor = spawnSync(binary, ['doctor', `--data=${join(dir, 'data')}`, `--db.url=${target}`], { env: clean, encoding: 'utf8' });
  assert.equal(doctor.status, 0, doctor.stdout);
});
