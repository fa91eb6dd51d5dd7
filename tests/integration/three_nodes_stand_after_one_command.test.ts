/** `scripts/cluster` as the README says it: everything stands, what is killed is missed by nobody for long, and stopping leaves nothing. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { binary, skipOnPostgres } from './server.js';

const script = fileURLToPath(new URL('../../scripts/lib/cluster.py', import.meta.url));
const dir = join(mkdtempSync(join(tmpdir(), 'stablehand-one-box-')), 'cluster');
spawnSync('chmod', ['755', join(dir, '..')]);
/* And seventy ports from ten thousand above this one on; all below those of outgoing connections. */
const port = 10_000 + 100 * Math.floor(Math.random() * 90);
const desk = `http://127.0.0.1:${port}`;
const env = { ...process.env, STABLEHAND_BIN: binary };

function order(...words: string[]): string {
  return spawnSync('python3', [script, `--dir=${dir}`, ...words], { encoding: 'utf8', env, timeout: 30_000 }).stdout;
}
const leader = () => /^(pg\d).*leads$/m.exec(order('status'))?.[1];
const isReady = async () => (await fetch(`${desk}/readyz`).catch(() => null))?.status === 200;

async function until(what: string, seconds: number, look: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await look())) {
    if (Date.now() > deadline) assert.fail(`not within ${seconds} s: ${what}\n${order('status')}`);
    await new Promise((r) => setTimeout(r, 300));
  }
}

after(() => rmSync(join(dir, '..'), { recursive: true, force: true }));

test('one command, three nodes, and whatever dies', { skip: skipOnPostgres }, async () => {
  const cluster = spawn('python3', [script, '--empty', `--dir=${dir}`, `--port=${port}`], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  cluster.stdout.on('data', (d) => (said += String(d)));
  const ended = new Promise<number | null>((resolve) => cluster.once('exit', resolve));
  try {
    await until('all of it', 200, () => said.includes('Now break it') || cluster.exitCode !== null);
    assert.equal(cluster.exitCode, null, said);
    const status = order('status');
    assert.equal(status.match(/^node\d +up +http\S+ +ready$/gm)?.length, 3, status);
    assert.equal(status.match(/^(etcd|nats|pg)\d +up/gm)?.length, 9, status);

    assert.match(order('kill', 'node2'), /^node2 killed$/m);
    assert.match(order('status'), /^node2 +down$/m);
    await until('HAProxy on the others', 10, isReady);
    assert.match(order('start', 'node2'), /^node2 started$/m);

    const first = leader();
    assert.ok(first);
    assert.match(order('kill', 'leader'), new RegExp(`^${first} killed$`, 'm'));
    await until('another leader', 60, () => ![undefined, first].includes(leader()));
    await until('all nodes', 30, () => order('status').match(/ready$/gm)?.length === 3 && !order('status').includes('NOT'));
    // The lease of the killed node2 ends, and the third database follows the new leader.
    await until('what the doctor wants', 60, () => {
      const said = spawnSync(binary, ['doctor', `--config=${dir}/conf/node1.conf`], { encoding: 'utf8' }).stdout;
      return /^ok +nodes +3: node1 .*node2 .*node3 /m.test(said) && /^ok +replication +1 standbys/m.test(said);
    });
    assert.match(order('pause', 'nothing'), /^error: /);
    assert.match(order('stop'), /^stopping$/m);
    assert.equal(await ended, 0);
  } finally {
    if (cluster.exitCode === null) cluster.kill('SIGTERM');
    await ended;
  }
  const left = spawnSync('pgrep', ['-f', dir], { encoding: 'utf8' }).stdout.trim();
  assert.equal(left, '', 'nothing is left running');
});
