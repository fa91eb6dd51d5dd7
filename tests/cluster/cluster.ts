/** Everything: a database that fails over, three NATS servers, three nodes of the program, HAProxy in front, and a line that can be cut between each two of them. */
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { binary } from '../integration/server.js';
import { Database, DATABASE, DATABASE_PASSWORD } from './database.js';
import { Link } from './link.js';
import { fill, freePort, makeFolder, Program, programOf, until, writeConfig } from './process.js';

const QUICK = ['--http.rate_per_second=100000', '--http.rate_burst=100000', '--http.max_connections_per_ip=20000'];
const NATS_PASSWORD = 'bus-secret';
const START_MS = 40_000;
/** A node that is silent for so long is given up by the others. */
export const LEASE_MS = 3000;

export interface NatsServer {
  name: string;
  port: number;
  program: Program;
}

async function makeNats(dir: string, n: number): Promise<NatsServer[]> {
  const ports = await Promise.all(Array.from({ length: n }, async () => ({ port: await freePort(), cluster: await freePort(), monitor: await freePort() })));
  const routes = ports.map((p) => `nats://route:route-secret@127.0.0.1:${p.cluster}`).join('\n    ');
  return ports.map(({ port, cluster, monitor }, i) => {
    const name = `nats${i + 1}`;
    const text = fill('nats.conf', {
      NAME: name,
      HOST: '127.0.0.1',
      PORT: port,
      MONITOR_PORT: monitor,
      CLUSTER_PORT: cluster,
      PASSWORD: NATS_PASSWORD,
      ROUTE_PASSWORD: 'route-secret',
      ROUTES: routes,
    });
    const config = writeConfig(join(dir, `${name}.conf`), text);
    return { name, port, program: new Program({ name, command: programOf('nats-server', 'nats-server'), args: ['-c', config], dir, asServer: true }) };
  });
}

/** One `stablehand serve`, and its lines to the database members and NATS servers. */
export class Node {
  readonly program: Program;

  constructor(
    readonly name: string,
    readonly port: number,
    readonly home: string,
    readonly toDatabase: Link[],
    readonly toNats: Link[],
    /** From HAProxy. */
    readonly fromClients: Link,
    args: string[],
    dir: string,
  ) {
    this.program = new Program({ name, command: binary, args, dir });
  }

  async isReady(): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${this.port}/readyz`, { signal: AbortSignal.timeout(1000) })).ok;
    } catch {
      return false;
    }
  }

  /** Started again when it ends, as its service would be: without a database it does not begin. */
  async ready(withinMs = START_MS): Promise<void> {
    try {
      await until(`${this.name} to be ready`, withinMs, async () => {
        if (!this.program.isRunning) this.program.start();
        return this.isReady();
      });
    } catch (e) {
      throw new Error(`${String(e)}\n${this.program.tail.slice(-20).join('\n')}`);
    }
  }
}

export interface ClusterOptions {
  members?: number;
  nodes?: number;
  settings?: string[];
  keep?: boolean;
}

export class Cluster {
  private readonly links: Link[] = [];
  nodes: Node[] = [];
  nats: NatsServer[] = [];
  database!: Database;
  haproxy!: Program;
  url = '';

  private constructor(
    readonly dir: string,
    private readonly options: ClusterOptions,
  ) {}

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const dir = mkdtempSync(join(tmpdir(), 'stablehand-cluster-'));
    chmodSync(dir, 0o755);
    const cluster = new Cluster(dir, options);
    try {
      await cluster.build();
    } catch (e) {
      cluster.keep();
      await cluster.stop();
      throw e;
    }
    return cluster;
  }

  private async build(): Promise<void> {
    const { members = 3, nodes = 3 } = this.options;
    this.nats = await makeNats(this.dir, 3);
    for (const n of this.nats) n.program.start();
    this.database = await Database.start(this.dir, members);
    for (let i = 0; i < nodes; i++) this.nodes.push(await this.makeNode(`node${i + 1}`));
    await this.startHaproxy();
    // The first one makes the tables and the key that all of them share.
    const [first, ...others] = this.nodes;
    await first!.ready();
    for (const n of others) copyFileSync(join(first!.home, 'secret.key'), join(n.home, 'secret.key'));
    await Promise.all([...others.map((n) => n.ready()), this.database.whole()]);
    await until('HAProxy', START_MS, async () => (await fetch(`${this.url}/readyz`)).ok);
  }

  private async link(name: string, port: number): Promise<Link> {
    const link = await new Link(name, { host: '127.0.0.1', port }).listen();
    this.links.push(link);
    return link;
  }

  private async makeNode(name: string): Promise<Node> {
    const home = makeFolder(join(this.dir, name));
    const port = await freePort();
    const toDatabase = await Promise.all(this.database.members.map((m) => this.link(`${name}-${m.name}`, m.port)));
    const toNats = await Promise.all(this.nats.map((n) => this.link(`${name}-${n.name}`, n.port)));
    const fromClients = await this.link(`haproxy-${name}`, port);
    const hosts = toDatabase.map((l) => `127.0.0.1:${l.port}`).join(',');
    const args = [
      'serve',
      `--data=${home}`,
      `--db.url=postgres://${DATABASE}:${DATABASE_PASSWORD}@${hosts}/${DATABASE}?target_session_attrs=read-write`,
      `--bus.url=${toNats.map((l) => `nats://stablehand:${NATS_PASSWORD}@127.0.0.1:${l.port}`).join(',')}`,
      `--node.name=${name}`,
      `--node.lease=${LEASE_MS}ms`,
      `--http.listen=127.0.0.1:${port}`,
      '--http.trusted_proxies=127.0.0.0/8',
      ...QUICK,
      ...(this.options.settings ?? []),
    ];
    return new Node(name, port, home, toDatabase, toNats, fromClients, args, this.dir);
  }

  private async startHaproxy(): Promise<void> {
    const port = await freePort();
    const [n1, n2 = n1, n3 = n2] = this.nodes.map((n) => `127.0.0.1:${n.fromClients.port}`);
    const config = writeConfig(join(this.dir, 'haproxy.cfg'), fill('haproxy.cfg', { MAX_CONNECTIONS: 4000, LISTEN: `127.0.0.1:${port}`, NODE1: n1!, NODE2: n2!, NODE3: n3! }));
    this.haproxy = new Program({ name: 'haproxy', command: programOf('haproxy', 'haproxy'), args: ['-db', '-f', config], dir: this.dir, asServer: true });
    this.haproxy.start();
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Everything runs and every line is open. */
  async whole(): Promise<void> {
    await this.database.whole();
    await Promise.all(this.nodes.map((n) => n.ready()));
  }

  /** The folder stays, for whoever wants to know why. */
  keep(): void {
    this.options.keep = true;
    console.log(`what is left of it: ${this.dir}`);
  }

  async stop(): Promise<void> {
    await this.haproxy?.kill();
    await Promise.all(this.nodes.map((n) => n.program.kill()));
    await this.database?.stop();
    await Promise.all(this.nats.map((n) => n.program.kill()));
    await Promise.all(this.links.map((l) => l.close()));
    if (!this.options.keep) rmSync(this.dir, { recursive: true, force: true });
  }
}
