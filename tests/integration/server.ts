/**
 * The real binary on an ephemeral port with a database of its own: SQLite in the folder, or with SH_TEST_PG=url (scripts/with-postgres) a database of its own
 * on that PostgreSQL server.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
/* Not handed on: the program takes STABLEHAND_* for settings, and refuses what it does not know. */
const { STABLEHAND_BIN, SH_TEST_PG, ...inherited } = process.env;
export const binary = STABLEHAND_BIN ?? join(root, 'build', 'stablehand');
/** Tests come from one address and faster than people. */
const QUICK = ['--http.rate_per_second=100000', '--http.rate_burst=100000', '--http.max_connections_per_ip=20000'];
const START_TIMEOUT_MS = 30_000;

export const onPostgres = SH_TEST_PG !== undefined;
/** For `{ skip: ... }`: what only makes sense on a file. */
export const skipOnPostgres = onPostgres && 'about the SQLite file';

function psql(sql: string, url = SH_TEST_PG!): string {
  return execFileSync('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-c', sql, url], { encoding: 'utf8' }).trim();
}

/** The url of the database that belongs to this folder; made when it is not there. */
export function databaseOf(dir: string): string {
  if (!onPostgres) return `sqlite:${join(dir, 'stablehand.db')}`;
  const name = `d_${basename(dir).replace(/\W/g, '_')}`;
  if (psql(`SELECT 1 FROM pg_database WHERE datname = '${name}'`) === '') psql(`CREATE DATABASE "${name}"`);
  const url = new URL(SH_TEST_PG!.replace(/^postgres:/, 'http:').replace('@/', '@socket/'));
  return `postgres://${url.username}@/${name}${url.search}`;
}

const ON_FILE = 'import json, sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\nout = db.execute(sys.argv[2]).fetchall()\ndb.commit()\nprint(json.dumps(out))';
/** A statement on the database of a server that does not run, and its rows (of numbers, or text without "|"). */
export function rowsOf(dir: string, sql: string): any[][] {
  if (!onPostgres) return JSON.parse(execFileSync('python3', ['-c', ON_FILE, join(dir, 'stablehand.db'), sql], { encoding: 'utf8' }));
  const lines = psql(sql, databaseOf(dir)).split('\n').filter(Boolean);
  return lines.map((line) => line.split('|').map((cell) => (/^-?\d+$/.test(cell) ? Number(cell) : cell)));
}

export function dropDatabaseOf(dir: string): void {
  if (onPostgres) psql(`DROP DATABASE IF EXISTS "d_${basename(dir).replace(/\W/g, '_')}" WITH (FORCE)`);
}

export interface ServerOptions {
  dir?: string;
  /** "--key=value" settings. */
  settings?: string[];
  /** Fill the desk with demo people, inbox, articles. */
  demo?: boolean;
  /** db.url, when it is not to be the usual one; whoever made that database removes it. May be changed between two starts. */
  url?: string;
  env?: Record<string, string>;
}

export class Server {
  private child: ChildProcess | null = null;
  port = 0;
  log: string[] = [];

  private constructor(
    readonly dir: string,
    readonly options: ServerOptions,
  ) {}

  static async start(options: ServerOptions = {}): Promise<Server> {
    const server = new Server(options.dir ?? mkdtempSync(join(tmpdir(), 'stablehand-')), options);
    await server.launch();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  /** Starts the process (again) on the same database and, after the first time, the same port. */
  async launch(): Promise<void> {
    const command = this.options.demo ? 'demo' : 'serve';
    const url = this.options.url ?? (onPostgres ? databaseOf(this.dir) : undefined);
    const database = url ? [`--db.url=${url}`] : [];
    const args = [command, `--data=${this.dir}`, ...database, `--http.listen=127.0.0.1:${this.port}`, ...QUICK, ...(this.options.settings ?? [])];
    const child = spawn(binary, args, { env: { ...inherited, ...this.options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    const exited = new Promise<never>((_, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`stablehand ended (${code ?? signal}):\n${this.log.slice(-20).join('\n')}`)));
    });
    const listening = new Promise<void>((resolve) => {
      for (const stream of [child.stdout!, child.stderr!]) {
        createInterface({ input: stream }).on('line', (line) => {
          this.log.push(line);
          const port = /listening.*?port=(\d+)/.exec(line)?.[1];
          if (port) {
            this.port = Number(port);
            resolve();
          }
        });
      }
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no "listening" line:\n${this.log.join('\n')}`)), START_TIMEOUT_MS);
    });
    exited.catch(() => undefined);
    try {
      await Promise.race([listening, exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private ended(): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /** SIGKILL: what a power cut leaves, minus the disk cache. */
  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.ended();
  }

  /** SIGTERM; gives the exit code. */
  async stop(): Promise<number | null> {
    this.child?.kill('SIGTERM');
    await this.ended();
    return this.child?.exitCode ?? null;
  }

  async dispose(): Promise<void> {
    await this.kill();
    dropDatabaseOf(this.dir);
    rmSync(this.dir, { recursive: true, force: true });
  }
}
