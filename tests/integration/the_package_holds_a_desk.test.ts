import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

test('the Debian package holds the program, a unit that starts it, and settings that the program takes', async () => {
  const version = (await readFile(join(root, 'VERSION'), 'utf8')).trim();
  const { stderr } = await run(join(root, 'scripts', 'package'));
  const file = /\S+\.deb/.exec(stderr)?.[0] ?? assert.fail(`no package named:\n${stderr}`);
  const dir = await mkdtemp(join(tmpdir(), 'stablehand-package-'));
  try {
    await run('dpkg-deb', ['-x', join(root, file), dir]);
    const program = join(dir, 'usr/bin/stablehand');
    const unit = await readFile(join(dir, 'lib/systemd/system/stablehand.service'), 'utf8');
    assert.match(unit, /^ExecStart=\/usr\/bin\/stablehand serve --config=\/etc\/stablehand\/stablehand\.conf$/m);
    const several = await readFile(join(dir, 'lib/systemd/system/stablehand@.service'), 'utf8');
    assert.match(several, /^ExecStart=\/usr\/bin\/stablehand serve --config=\/etc\/stablehand\/%i\.conf --data\.dir=\/var\/lib\/stablehand\/%i$/m);
    assert.match(several, /^StateDirectory=stablehand\/%i$/m);
    for (const file of ['cluster/haproxy.cfg', 'cluster/stablehand.conf', 'grafana/stablehand.json', 'prometheus/alerts.yml']) {
      assert.ok((await readFile(join(dir, 'usr/share/stablehand', file), 'utf8')).length > 500, file);
    }
    assert.equal((await run(program, ['--version'])).stdout, `stablehand ${version}\n`);
    const config = join(dir, 'etc/stablehand/stablehand.conf');
    const settings = [`--config=${config}`, `--data=${join(dir, 'data')}`];
    execFileSync(program, ['user', 'add', ...settings, '--email=o@desk.example', '--name=Olga', '--role=owner'], { input: 'plum-tram-velvet-93 orbit\n' });
    const { stdout } = await run(program, ['user', 'list', ...settings]);
    assert.match(stdout, /o@desk\.example/);
    const { stdout: depends } = await run('dpkg-deb', ['-f', join(root, file), 'Depends']);
    for (const library of ['libuv1', 'libssl3', 'libsqlite3-0', 'libsodium23', 'tzdata']) {
      assert.ok(depends.includes(library), `${library} in: ${depends}`);
    }
    const { stdout: conffiles } = await run('dpkg-deb', ['-I', join(root, file), 'conffiles']);
    assert.equal(conffiles, '/etc/stablehand/stablehand.conf\n');
  } finally {
    await rm(dir, { recursive: true });
  }
});
