/** A desk on PostgreSQL is copied while people write, and put back on a database that is empty; what is there otherwise stays, and a desk that runs is never overwritten. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Desk, type Visitor } from './desk.js';
import { expectStatus } from './http.js';
import { binary, databaseOf, dropDatabaseOf, onPostgres } from './server.js';

const skip = !onPostgres && 'wants a PostgreSQL (scripts/with-postgres)';
const { STABLEHAND_BIN, SH_TEST_PG, ...clean } = process.env;
const dir = mkdtempSync(join(tmpdir(), 'stablehand-pgbackup-'));
const copy = join(dir, 'copy');
const there = join(dir, 'there');
const PASSWORD_IN_URL = 'walrus-lantern-17';
let desk: Desk;
let from = '';
let to = '';

function run(args: string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(binary, args, { env: { ...clean, ...env }, encoding: 'utf8', timeout: 60_000 });
  return { status, stdout, stderr };
}
const sql = (url: string, text: string) => execFileSync('psql', ['-XqAt', '-c', text, url], { encoding: 'utf8' }).trim();
const restore = (...more: string[]) => run(['restore', `--data=${there}`, `--db.url=${to}`, ...more, copy]);

before(async () => {
  if (skip) return;
  mkdirSync(there);
  desk = await Desk.start();
  from = databaseOf(desk.server.dir).replace('stablehand@', `stablehand:${PASSWORD_IN_URL}@`);
  to = databaseOf(there);
});
after(async () => {
  await desk?.dispose();
  if (!skip) dropDatabaseOf(there);
  rmSync(dir, { recursive: true, force: true });
});

/* In front of PATH: notes what it was started with, and starts the real one. */
function spyOn(tool: string): { PATH: string } {
  const bin = join(dir, 'bin');
  mkdirSync(bin, { recursive: true });
  const real = execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim();
  writeFileSync(join(bin, tool), `#!/bin/sh\nprintf '%s\\n' "$@" >>${dir}/${tool}.args\nprintf '%s\\n' "$PGPASSWORD" >>${dir}/${tool}.env\nexec ${real} "$@"\n`);
  chmodSync(join(bin, tool), 0o755);
  return { PATH: `${bin}:${process.env.PATH}` };
}

test('a backup under load is of one moment, and its password is on no command line', { skip }, async () => {
  const visitors: Visitor[] = [];
  for (let i = 0; i < 4; i++) visitors.push(await desk.visitor());
  let writing = true;
  const writers = visitors.map(async (v) => {
    let n = 0;
    for (; writing || n < 5; n++) await v.say(`充值没到账 ${n}`);
    return n;
  });
  await new Promise((r) => setTimeout(r, 200));
  // Not spawnSync: the writers write meanwhile.
  const made = await new Promise<{ status: number | null; stderr: string }>((resolve) => {
    const args = ['backup', '--with-key', `--data=${desk.server.dir}`, `--db.url=${from}`, copy];
    const child = execFile(binary, args, { env: { ...clean, ...spyOn('pg_dump') } }, (_e, _out, stderr) => resolve({ status: child.exitCode, stderr }));
  });
  writing = false;
  await Promise.all(writers);
  assert.deepEqual(made, { status: 0, stderr: '' });
  assert.deepEqual(readdirSync(copy).sort(), ['SHA256SUMS', 'about.json', 'files', 'secret.key', 'stablehand.dump'].filter((n) => existsSync(join(copy, n))));
  execFileSync('sha256sum', ['--quiet', '-c', 'SHA256SUMS'], { cwd: copy });
  assert.ok(!readFileSync(join(dir, 'pg_dump.args'), 'utf8').includes(PASSWORD_IN_URL));
  assert.ok(readFileSync(join(dir, 'pg_dump.env'), 'utf8').includes(PASSWORD_IN_URL));
});

test('it is put back where nothing is, and the desk goes on there', { skip }, async () => {
  const done = restore();
  assert.deepEqual([done.status, done.stderr], [0, '']);
  assert.ok(existsSync(join(there, 'secret.key')));
  // Of one moment: what a conversation says of its last event is true.
  assert.equal(sql(to, 'SELECT COUNT(*) FROM conversations c WHERE last_seq <> (SELECT MAX(seq) FROM events e WHERE e.conversation_id = c.id)'), '0');
  assert.ok(Number(sql(to, 'SELECT COUNT(*) FROM messages')) >= 4);
  assert.equal(sql(to, 'SELECT COUNT(*) FROM search_message'), '0');

  const again = restore();
  assert.equal(again.status, 1);
  assert.match(again.stderr, /not empty: use --force/);
  sql(to, "UPDATE workspace SET brand = 'what was there'");
  const forced = restore('--force');
  assert.equal(forced.status, 0, forced.stderr);
  const aside = /is the schema (replaced_\d+)/.exec(forced.stdout)![1];
  assert.equal(sql(to, `SELECT brand FROM ${aside}.workspace`), 'what was there');
  assert.equal(sql(to, 'SELECT brand FROM workspace'), 'Nova Exchange');

  // Ids go on, the session is known, the index is made anew.
  assert.equal(await desk.server.stop(), 0);
  desk.server.options.url = to;
  await desk.server.launch();
  const highest = Number(sql(to, 'SELECT MAX(id) FROM messages'));
  const fresh = await (await desk.visitor()).say('still here');
  assert.ok(Number(fresh.id) > highest);
  let hits: any[] = [];
  for (let i = 0; i < 100 && hits.length < 4; i++) {
    hits = (await expectStatus<any>(200, desk.owner.get(`/api/v1/search/messages?q=${encodeURIComponent('充值')}`))).items;
    await new Promise((r) => setTimeout(r, 100));
  }
  assert.ok(hits.length >= 4);
  const inUse = restore('--force');
  assert.equal(inUse.status, 1);
  assert.match(inUse.stderr, /a desk is connected/);
  assert.equal(await desk.server.stop(), 0);
});

test('what is damaged, or does not fit, changes nothing', { skip }, () => {
  const before = sql(to, 'SELECT COUNT(*) FROM messages');
  const missing = run(['restore', `--data=${there}`, `--db.url=${to}`, '--force', copy], { PATH: join(dir, 'empty') });
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /install postgresql-client/);
  const old = join(dir, 'bin', 'pg_restore');
  writeFileSync(old, '#!/bin/sh\necho "pg_restore (PostgreSQL) 9.6.1"\n');
  chmodSync(old, 0o755);
  const aged = run(['restore', `--data=${there}`, `--db.url=${to}`, '--force', copy], { PATH: `${join(dir, 'bin')}:${process.env.PATH}` });
  assert.match(aged.stderr, /of version 9, the server of \d+: install postgresql-client-\d+/);
  // One that fails in the middle: what was there comes back.
  writeFileSync(old, '#!/bin/sh\n[ "$1" = --version ] && echo "pg_restore (PostgreSQL) 99.1" && exit 0\nexit 1\n');
  const failed = run(['restore', `--data=${there}`, `--db.url=${to}`, '--force', copy], { PATH: `${join(dir, 'bin')}:${process.env.PATH}` });
  assert.equal(failed.status, 1);
  assert.equal(sql(to, 'SELECT COUNT(*) FROM messages'), before);
  const file = run(['restore', `--data=${join(dir, 'file')}`, copy]);
  assert.match(file.stderr, /backup of PostgreSQL/);
  truncateSync(join(copy, 'stablehand.dump'), 5000);
  const damaged = restore('--force');
  assert.equal(damaged.status, 1);
  assert.match(damaged.stderr, /stablehand\.dump is not what it was/);
  assert.equal(sql(to, 'SELECT COUNT(*) FROM messages'), before);
});
