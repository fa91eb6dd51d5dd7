/** `scripts/cluster` as the README says it: everything stands, what is killed is missed by nobody for long, and stopping leaves nothing. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { OneBox } from './one_box.js';
import { binary, skipOnPostgres } from './server.js';

test('one command, three nodes, and whatever dies', { skip: skipOnPostgres }, async () => {
  const box = await OneBox.start('--empty');
  try {
    const status = box.order('status');
    assert.equal(status.match(/^node\d +up +http\S+ +ready$/gm)?.length, 3, status);
    assert.equal(status.match(/^(etcd|nats|pg)\d +up/gm)?.length, 9, status);

    assert.match(box.order('kill', 'node2'), /^node2 killed$/m);
    assert.match(box.order('status'), /^node2 +down$/m);
    await box.until('HAProxy on the others', 10, () => box.isReady());
    assert.match(box.order('start', 'node2'), /^node2 started$/m);

    // Nobody is promoted who is not in step with the leader, and a node that begins while nobody leads gives up.
    await box.until('all nodes and an heir', 60, () => box.allReady() && box.hasHeir());
    const first = box.leader();
    assert.ok(first);
    assert.match(box.order('kill', 'leader'), new RegExp(`^${first} killed$`, 'm'));
    await box.until('another leader', 60, () => ![undefined, first].includes(box.leader()));
    await box.until('all nodes', 30, () => box.allReady());
    // The lease of the killed node2 ends, and the third database follows the new leader.
    await box.until('what the doctor wants', 60, () => {
      const said = spawnSync(binary, ['doctor', `--config=${box.dir}/conf/node1.conf`], { encoding: 'utf8' }).stdout;
      return /^ok +nodes +3: node1 .*node2 .*node3 /m.test(said) && /^ok +replication +1 standbys/m.test(said);
    });
    assert.match(box.order('pause', 'nothing'), /^error: /);
    assert.match(box.order('stop'), /^stopping$/m);
    assert.equal(await box.ended, 0);
    const left = spawnSync('pgrep', ['-f', box.dir], { encoding: 'utf8' }).stdout.trim();
    assert.equal(left, '', 'nothing is left running');
  } finally {
    await box.dispose();
  }
});
