/** The long run, for scripts/bench cluster: CLUSTER_FAULTS faults (200), figures at the end, as JSON in the file that is named. */
import { writeFileSync } from 'node:fs';

import { Cluster } from './cluster.js';
import { figuresOf, tellOutcome } from './report.js';
import { Story } from './story.js';

const { CLUSTER_SEED = String(Date.now() % 1_000_000), CLUSTER_FAULTS = '200' } = process.env;
const json = process.argv[2];

console.log(`seed ${CLUSTER_SEED}`);
const cluster = await Cluster.start();
let isGood = false;
try {
  const outcome = await new Story(cluster, Number(CLUSTER_SEED)).run(Number(CLUSTER_FAULTS), (line) => console.log(line));
  console.log(tellOutcome(outcome));
  isGood = outcome.wrong.length === 0;
  if (json) writeFileSync(json, JSON.stringify({ cluster: figuresOf(outcome) }));
} catch (e) {
  console.error(e);
}
if (!isGood) cluster.keep();
await cluster.stop();
process.exit(isGood ? 0 : 1);
