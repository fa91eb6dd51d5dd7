/** What an operator types beside a desk that runs, and on a machine that has none yet: each command says what it did and ends with the status that a script can read. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Desk, PASSWORD } from './desk.js';
import { binary, skipOnPostgres } from './server.js';

let desk: Desk;
const dir = mkdtempSync(join(tmpdir(), 'stablehand-operator-'));
before(async () => {
  desk = await Desk.start();
  await (await desk.visitor()).say('我的充值没到账');
});
after(async () => {
  await desk?.dispose();
  rmSync(dir, { recursive: true });
});

const { STABLEHAND_BIN, ...clean } = process.env;
function run(args: string[], input = '', env: Record<string, string> = {}) {
  const { status, signal, stdout, stderr } = spawnSync(binary, args, { input, env: { ...clean, ...env }, encoding: 'utf8', timeout: 20_000 });
  return { status: status ?? signal, stdout, stderr };
}

test('accounts are made and listed on a new data folder', () => {
  const data = `--data=${join(dir, 'new')}`;
  const added = run(['user', 'add', data, '--email=x@desk.example', '--name=X', '--role=agent'], `${PASSWORD}\n`);
  assert.deepEqual([added.status, added.stdout], [0, 'added x@desk.example (agent)\n']);
  assert.match(run(['user', 'list', data]).stdout, /^x@desk\.example +Agent +active/);
  const changed = run(['user', 'passwd', data, '--email=x@desk.example'], `${PASSWORD} 2\n`);
  assert.equal(changed.status, 0);
  const short = run(['user', 'add', data, '--email=y@desk.example'], 'short\n');
  assert.equal(short.status, 1);
  assert.match(short.stderr, /at least 12 characters/);
});

test('a backup of the running desk is put back on a machine that has nothing yet', { skip: skipOnPostgres }, () => {
  const copy = join(dir, 'copy');
  assert.equal(run(['backup', `--data=${desk.server.dir}`, copy]).status, 0);
  const again = run(['backup', `--data=${desk.server.dir}`, copy]);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /exists already/);
  const there = join(dir, 'other machine');
  const restored = run(['restore', `--data=${there}`, copy]);
  assert.deepEqual([restored.status, restored.stderr], [0, '']);
  assert.ok(existsSync(join(there, 'stablehand.db')));
  assert.equal(run(['restore', `--data=${there}`, copy]).status, 1, 'nothing is overwritten unless one says so');
  assert.equal(run(['restore', `--data=${there}`, '--force', copy]).status, 0);
  const doctor = run(['doctor', `--data=${there}`]);
  assert.match(doctor.stdout, /^ok +integrity/m);
});

test('a setting that does not exist, or a value that does not fit, is named with where it stands and what was meant', () => {
  const config = join(dir, 'a.conf');
  writeFileSync(config, 'http.workers = 4\nhttp.lisen = :80\n');
  const cases: [string[], Record<string, string>, RegExp][] = [
    [['serve', '--http.listn=1'], {}, /http\.listn \(command line\)\. Did you mean http\.listen\?/],
    [['serve', `--config=${config}`], {}, /http\.lisen \(.*a\.conf line 2\)\. Did you mean http\.listen\?/],
    [['serve'], { STABLEHAND_HTTP_WORKRS: '3' }, /http\.workrs \(environment\)\. Did you mean http\.workers\?/],
    [['serve', '--http.workers=9999'], {}, /http\.workers = 9999 \(command line\): expected a whole number, 1\.\.256/],
  ];
  for (const [args, env, want] of cases) {
    const { status, stderr } = run(args, '', env);
    assert.equal(status, 1, args.join(' '));
    assert.match(stderr, want);
  }
  // What --help-config prints is itself a file that is accepted.
  const help = run(['--help-config']);
  writeFileSync(config, help.stdout);
  assert.equal(run(['user', 'list', `--config=${config}`, `--data=${join(dir, 'new')}`]).status, 0);
});

test('it stops gracefully', async () => {
  assert.equal(await desk.server.stop(), 0);
});
