/** The files of packaging/cluster, filled in by scripts/lib/cluster.py as `scripts/cluster` does it, each judged by the program it is for. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { binary } from './server.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('HAProxy, NATS, Patroni and the program take their files', () => {
  const dir = mkdtempSync(join(tmpdir(), 'stablehand-files-'));
  try {
    spawnSync('chmod', ['755', dir]);
    const { status, stdout, stderr } = spawnSync('python3', [join(root, 'scripts/lib/cluster.py'), '--check', `--dir=${join(dir, 'cluster')}`], {
      encoding: 'utf8',
      env: { ...process.env, STABLEHAND_BIN: binary },
      timeout: 60_000,
    });
    assert.equal(status, 0, stdout + stderr);
    assert.equal(stdout, 'ok haproxy.cfg\nok nats.conf\nok patroni.yml\nok stablehand.conf\n');
  } finally {
    rmSync(dir, { recursive: true });
  }
});
