/** What may go wrong, one after the other, in an order that a seed decides. Each fault heals, and what it hit is whole again, before the next one begins. */
import type { Cluster, Node } from './cluster.js';
import type { Member } from './database.js';
import type { History } from './history.js';
import type { Link } from './link.js';
import { sleep, until } from './process.js';

export type Random = () => number;

export function makeRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const between = (random: Random, from: number, to: number) => from + random() * (to - from);
const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!;

interface Fault {
  name: string;
  /** Does what happens, waits as long as it lasts, and heals it. `say` tells the history when the members changed. */
  run(cluster: Cluster, random: Random): Promise<void>;
}

async function forAWhile(links: Link[], random: Random, what: 'cut' | 'slow'): Promise<void> {
  const isSilent = random() < 0.6;
  for (const link of links) {
    if (what === 'slow') link.delayMs = between(random, 30, 300);
    else link.set(isSilent ? 'stalled' : 'refused');
  }
  await sleep(between(random, 1500, 6000));
  for (const link of links) {
    link.delayMs = 0;
    link.set('open');
  }
}

const someNode = (cluster: Cluster, random: Random): Node => pick(random, cluster.nodes);

async function anotherLeader(cluster: Cluster, former: Member): Promise<void> {
  await until('another leader', 60_000, async () => {
    const flags = await Promise.all(cluster.database.members.map((m) => m.isLeader()));
    return cluster.database.members.some((m, i) => m !== former && flags[i]);
  });
}

/** The former leader comes back behind the new one. */
async function withoutItsLeader(cluster: Cluster, random: Random, hit: (m: Member) => Promise<void> | void, mend: (m: Member) => Promise<void> | void): Promise<void> {
  const leader = await cluster.database.leader();
  await hit(leader);
  await anotherLeader(cluster, leader);
  await sleep(between(random, 500, 2500));
  await mend(leader);
  await cluster.database.whole();
}

export const LEADER_FAULTS = ['leader-killed', 'leader-paused', 'postgres-paused', 'patroni-killed'] as const;

export const faults: Fault[] = [
  {
    name: 'node-killed',
    async run(cluster, random) {
      const node = someNode(cluster, random);
      await node.program.kill();
      await sleep(between(random, 200, 3000));
      await node.ready();
    },
  },
  {
    name: 'node-paused',
    async run(cluster, random) {
      const node = someNode(cluster, random);
      node.program.signal('SIGSTOP');
      await sleep(between(random, 3500, 7000));
      node.program.signal('SIGCONT');
      await node.ready();
    },
  },
  {
    name: 'leader-killed',
    run: (cluster, random) =>
      withoutItsLeader(cluster, random, (m) => m.kill(), (m) => m.patroni.start()),
  },
  {
    name: 'leader-paused',
    run: (cluster, random) => withoutItsLeader(cluster, random, (m) => m.pause(), (m) => m.resume()),
  },
  {
    name: 'postgres-paused',
    run: (cluster, random) => withoutItsLeader(cluster, random, (m) => m.signalPostgres('SIGSTOP'), (m) => m.signalPostgres('SIGCONT')),
  },
  {
    /* Nobody tells the old leader that it leads no more: it goes on writing, and nobody confirms. */
    name: 'patroni-killed',
    run: (cluster, random) =>
      withoutItsLeader(
        cluster,
        random,
        (m) => m.patroni.kill(),
        (m) => m.patroni.start(),
      ),
  },
  { name: 'database-cut', run: (cluster, random) => forAWhile(someNode(cluster, random).toDatabase, random, 'cut') },
  { name: 'database-slow', run: (cluster, random) => forAWhile(someNode(cluster, random).toDatabase, random, 'slow') },
  { name: 'nats-cut', run: (cluster, random) => forAWhile(someNode(cluster, random).toNats, random, 'cut') },
  { name: 'nats-slow', run: (cluster, random) => forAWhile(someNode(cluster, random).toNats, random, 'slow') },
  { name: 'clients-cut', run: (cluster, random) => forAWhile([someNode(cluster, random).fromClients], random, 'cut') },
  { name: 'clients-slow', run: (cluster, random) => forAWhile([someNode(cluster, random).fromClients], random, 'slow') },
  {
    name: 'nats-restarted',
    async run(cluster, random) {
      const server = pick(random, cluster.nats).program;
      await server.kill();
      await sleep(between(random, 100, 2000));
      server.start();
    },
  },
  {
    name: 'all-nats-restarted',
    async run(cluster, random) {
      await Promise.all(cluster.nats.map((n) => n.program.kill()));
      await sleep(between(random, 500, 4000));
      for (const n of cluster.nats) n.program.start();
    },
  },
];

/** Each kind once in every round, the rounds shuffled. */
export function schedule(random: Random, n: number): Fault[] {
  const out: Fault[] = [];
  while (out.length < n) {
    const round = [...faults];
    for (let i = round.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [round[i], round[j]] = [round[j]!, round[i]!];
    }
    out.push(...round);
  }
  return out.slice(0, n);
}

export async function inject(cluster: Cluster, history: History, fault: Fault, random: Random): Promise<void> {
  for (const m of cluster.database.members) {
    m.onPromoted = () => history.add({ op: 'promoted', client: 'test', name: m.name });
  }
  history.add({ op: 'fault', client: 'test', name: fault.name });
  try {
    await fault.run(cluster, random);
    await Promise.all(cluster.nodes.map((n) => n.ready()));
  } catch (e) {
    throw new Error(`${fault.name}: ${String(e)}`);
  }
  history.add({ op: 'healed', client: 'test', name: fault.name });
}
