/** Three nodes, three databases, three NATS servers, and what may go wrong with them, while people talk. CLUSTER_SEED repeats a run, CLUSTER_FAULTS sets how many
 * faults there are; what is wrong leaves the folder of the run behind, with all logs and the history. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Cluster } from './cluster.js';
import { tellOutcome } from './report.js';
import { Story } from './story.js';

const { CLUSTER_SEED = String(Date.now() % 1_000_000), CLUSTER_FAULTS = '14' } = process.env;

test(`${CLUSTER_FAULTS} faults while people talk: nothing acknowledged is lost or doubled`, { timeout: 800_000 }, async () => {
  console.log(`seed ${CLUSTER_SEED}`);
  const cluster = await Cluster.start();
  try {
    const outcome = await new Story(cluster, Number(CLUSTER_SEED)).run(Number(CLUSTER_FAULTS), (line) => console.log(line));
    console.log(tellOutcome(outcome));
    assert.deepEqual(outcome.wrong, []);
    assert.ok(outcome.n.acknowledged > 20 * outcome.n.faults, `only ${outcome.n.acknowledged} messages went through`);
  } catch (e) {
    cluster.keep();
    throw e;
  } finally {
    await cluster.stop();
  }
});
