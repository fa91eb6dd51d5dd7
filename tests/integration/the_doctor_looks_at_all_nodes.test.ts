/** Around several nodes: which run, in which versions, whose clock is wrong, who follows the database, and how much room there is. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';

import { Nodes, skipOnFile } from './nodes.js';
import { binary, databaseOf, rowsOf } from './server.js';

let nodes: Nodes;
before(async () => {
  if (!skipOnFile) nodes = await Nodes.start(2);
});
after(() => nodes?.dispose());

const { STABLEHAND_BIN, ...env } = process.env;
function doctor() {
  return spawnSync(binary, ['doctor', `--data=${nodes.a.dir}`, `--db.url=${databaseOf(nodes.a.dir)}`], { encoding: 'utf8', env });
}

test('all is well', { skip: skipOnFile }, () => {
  const { status, stdout } = doctor();
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^ok +nodes +2: \S+ \d+\.\d+\.\d+, \S+ \d+\.\d+\.\d+$/m);
  assert.match(stdout, /^ok +clocks +this machine's is 0\.\d{3} s (behind|ahead of) the database's$/m);
  assert.match(stdout, /^ok +replication +a single server, no standby$/m);
  assert.match(stdout, /^(ok|warning) +disk +\d+ MB free/m);
  assert.match(stdout, /^ok +files +/m);
});

test('another version and a wrong clock are named', { skip: skipOnFile }, () => {
  const add = (name: string, version: string, seenIn: number) =>
    rowsOf(
      nodes.a.dir,
      `WITH n AS (INSERT INTO nodes (name, version, schema_version, lease_ms, started_at) VALUES ('${name}', '${version}', 1, 600000, 0) RETURNING id)
       INSERT INTO node_beats (node_id, beat, seen_at) SELECT id, 0, (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint + ${seenIn} FROM n`,
    );
  add('old', '0.0.9', 0);
  assert.match(doctor().stdout, /^warning +nodes +3: .*old 0\.0\.9.*; two versions side by side: finish the upgrade$/m);
  add('ahead', '0.0.9', 90_000);
  assert.match(doctor().stdout, /ahead 0\.0\.9 \(its clock is (89|90) s ahead\)/);
  rowsOf(nodes.a.dir, "UPDATE nodes SET ended_at = 1 WHERE name IN ('old', 'ahead')");
  assert.match(doctor().stdout, /^ok +nodes +2: /m);
});
