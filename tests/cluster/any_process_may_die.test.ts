/** Three nodes, three databases, three NATS servers, and what may go wrong with them, while people talk. CLUSTER_SEED repeats a run, CLUSTER_FAULTS sets how many
 * faults there are; what is wrong leaves the folder of the run behind, with all logs and the history. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Cluster } from './cluster.js';
import { tellOutcome } from './report.js';
import { Story, type Outcome } from './story.js';

const { CLUSTER_SEED = String(Date.now() % 1_000_000), CLUSTER_FAULTS = '10' } = process.env;

const SURROUNDINGS = /waited \d+ ms for (another leader|a database that leads|all database members|the postgres role)/;

async function runOnce(seed: number): Promise<Outcome> {
  console.log(`seed ${seed}`);
  const cluster = await Cluster.start();
  const story = new Story(cluster, seed);
  try {
    const outcome = await story.run(Number(CLUSTER_FAULTS), (line) => console.log(line));
    console.log(tellOutcome(outcome));
    assert.deepEqual(outcome.wrong, []);
    return outcome;
  } catch (e) {
    cluster.keep();
    throw e;
  } finally {
    await story.abandon();
    await cluster.stop();
  }
}

test(`${CLUSTER_FAULTS} faults while people talk: nothing acknowledged is lost or doubled`, { timeout: 800_000 }, async () => {
  const outcome = await runOnce(Number(CLUSTER_SEED)).catch((e: unknown) => {
    // A database or a bus that does not come back in its time has shown nothing about the desk: once more. What the checker finds wrong is wrong the first time.
    if (e instanceof assert.AssertionError || !SURROUNDINGS.test(String(e))) throw e;
    console.log(`the surroundings failed, a second run: ${String(e)}`);
    return runOnce(Number(CLUSTER_SEED) + 1);
  });
  assert.ok(outcome.n.acknowledged > 20 * outcome.n.faults, `only ${outcome.n.acknowledged} messages went through`);
});
