/** etcd and the members of a Patroni cluster. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { fill, freePort, makeFolder, Program, programOf, run, until, writeConfig } from './process.js';

export const DATABASE = 'stablehand';
const PASSWORDS = { SUPERUSER_PASSWORD: 'super-secret', REPLICATION_PASSWORD: 'repl-secret' };
export const DATABASE_PASSWORD = 'desk-secret';
/** loop_wait + 2 * retry_timeout = ttl: the quickest that Patroni 3.0 calls safe, and etcd's shortest lease is 2 s. */
const PACE = { TTL: 5, LOOP_WAIT: 1, RETRY_TIMEOUT: 2 };

export async function startEtcd(dir: string): Promise<{ program: Program; address: string }> {
  const [client, peer] = [await freePort(), await freePort()];
  const home = makeFolder(join(dir, 'etcd'), true);
  const config = writeConfig(
    join(dir, 'etcd.yml'),
    fill('etcd.yml', { NAME: 'e1', DATA_DIR: home, HOST: '127.0.0.1', CLIENT_PORT: client, PEER_PORT: peer, MEMBERS: `e1=http://127.0.0.1:${peer}` }),
  );
  const program = new Program({ name: 'etcd', command: programOf('etcd', 'etcd-server'), args: ['--config-file', config], dir, asServer: true });
  program.start();
  const address = `127.0.0.1:${client}`;
  await until('etcd', 20_000, async () => (await fetch(`http://${address}/health`)).ok);
  return { program, address };
}

const newest = (dir: string) => readdirSync(dir).sort((a, b) => Number(b) - Number(a))[0];

function binaries(): string {
  try {
    return join('/usr/lib/postgresql', newest('/usr/lib/postgresql')!, 'bin');
  } catch {
    throw new Error('no PostgreSQL here: run scripts/bootstrap');
  }
}

export interface MemberView {
  name: string;
  role: string;
  state: string;
  timeline?: number;
  lag?: number | string;
}

export class Member {
  /** Called when it may be written to: after its promotion, not at its start. */
  onPromoted: (() => void) | null = null;
  private isPromoting = false;

  private constructor(
    readonly name: string,
    readonly port: number,
    readonly restPort: number,
    readonly home: string,
    readonly patroni: Program,
  ) {
    patroni.onLine = (line) => {
      if (line.includes('received promote request')) this.isPromoting = true;
      if (!this.isPromoting || !line.includes('database system is ready to accept connections')) return;
      this.isPromoting = false;
      this.onPromoted?.();
    };
  }

  static async make(dir: string, name: string, etcd: string): Promise<Member> {
    const [port, rest] = [await freePort(), await freePort()];
    const home = join(makeFolder(join(dir, name), true), 'data');
    const config = writeConfig(
      join(dir, `${name}.yml`),
      fill('patroni.yml', {
        NAME: name,
        HOST: '127.0.0.1',
        PORT: port,
        REST_PORT: rest,
        ETCD: etcd,
        DATA_DIR: home,
        BIN_DIR: binaries(),
        PGPASS: join(dir, name, 'pgpass'),
        NETWORK: '127.0.0.0/8',
        SOCKET_DIR: join(dir, name),
        WATCHDOG: "'off'",
        ...PASSWORDS,
        ...PACE,
      }),
    );
    const patroni = new Program({ name, command: programOf('patroni', 'patroni'), args: [config], dir, asServer: true, env: { PYTHONUNBUFFERED: '1' } });
    return new Member(name, port, rest, home, patroni);
  }

  /** Is this the one that writes, as Patroni tells load balancers? */
  async isLeader(): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${this.restPort}/primary`, { signal: AbortSignal.timeout(500) })).ok;
    } catch {
      return false;
    }
  }

  async view(): Promise<MemberView[]> {
    const answer = await fetch(`http://127.0.0.1:${this.restPort}/cluster`, { signal: AbortSignal.timeout(2000) });
    return ((await answer.json()) as { members: MemberView[] }).members;
  }

  /** The postmaster and its children; empty when it does not run. */
  postgresPids(): number[] {
    let main: number;
    try {
      main = Number(readFileSync(join(this.home, 'postmaster.pid'), 'utf8').split('\n')[0]);
    } catch {
      return [];
    }
    const found = [main];
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
        if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === main) found.push(Number(entry));
      } catch {
        // Ended meanwhile.
      }
    }
    return found;
  }

  signalPostgres(signal: NodeJS.Signals): void {
    // New children may appear while we look: a second look finds them.
    for (let look = 0; look < 2; look++) {
      for (const pid of this.postgresPids()) {
        try {
          process.kill(pid, signal);
        } catch {
          // Gone already.
        }
      }
    }
  }

  /** The whole machine, as it were. */
  async kill(): Promise<void> {
    this.patroni.signalGroup('SIGKILL');
    this.signalPostgres('SIGKILL');
    await this.patroni.kill();
  }

  pause(): void {
    this.patroni.signalGroup('SIGSTOP');
    this.signalPostgres('SIGSTOP');
  }

  resume(): void {
    this.signalPostgres('SIGCONT');
    this.patroni.signalGroup('SIGCONT');
  }

  /** Rows of text. */
  async sql(text: string, database = DATABASE): Promise<string[][]> {
    const url = `postgres://postgres:${PASSWORDS.SUPERUSER_PASSWORD}@127.0.0.1:${this.port}/${database}?connect_timeout=5`;
    const { stdout } = await run('psql', ['-XqAt', '-F', '\x1f', '-R', '\x1e', '-v', 'ON_ERROR_STOP=1', '-c', text, url], { maxBuffer: 1 << 30 });
    return stdout
      .replace(/\n$/, '')
      .split('\x1e')
      .filter(Boolean)
      .map((line) => line.split('\x1f'));
  }
}

export class Database {
  private constructor(
    readonly etcd: Program,
    readonly members: Member[],
  ) {}

  static async start(dir: string, n: number): Promise<Database> {
    const etcd = await startEtcd(dir);
    const members = await Promise.all(Array.from({ length: n }, (_, i) => Member.make(dir, `pg${i + 1}`, etcd.address)));
    const database = new Database(etcd.program, members);
    for (const m of members) m.patroni.start();
    const leader = await database.leader(60_000);
    await until('the postgres role of the leader', 20_000, () => leader.sql('SELECT 1', 'postgres'));
    await leader.sql(`CREATE ROLE ${DATABASE} LOGIN PASSWORD '${DATABASE_PASSWORD}'`, 'postgres');
    await leader.sql(`CREATE DATABASE ${DATABASE} OWNER ${DATABASE} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'`, 'postgres');
    return database;
  }

  async leader(withinMs = 30_000): Promise<Member> {
    return until('a database that leads', withinMs, async () => {
      const flags = await Promise.all(this.members.map((m) => m.isLeader()));
      return this.members[flags.indexOf(true)];
    });
  }

  /** Everybody runs, and there is somebody whom every commit waits for. */
  async whole(withinMs = 60_000): Promise<void> {
    await until('all database members', withinMs, async () => {
      const view = await (await this.leader()).view();
      const isUp = (m: MemberView) => m.role === 'leader' || ((m.state === 'running' || m.state === 'streaming') && m.lag === 0);
      return view.length === this.members.length && view.every(isUp) && (view.length === 1 || view.some((m) => m.role === 'sync_standby'));
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((m) => m.kill()));
    await this.etcd.kill();
  }
}
