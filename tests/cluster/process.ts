/** The programs of the cluster: each a process group with a log, in a temporary folder, on ports that were free a moment ago. */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const run = promisify(execFile);
export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const templates = fileURLToPath(new URL('../../packaging/cluster/', import.meta.url));

/** Ports that nobody listens on, below those that the kernel gives to outgoing connections: nobody takes them before their program does. */
const taken = new Set<number>();
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    if (taken.has(port)) continue;
    taken.add(port);
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/** A file of packaging/cluster with its words filled in. */
export function fill(template: string, values: Record<string, string | number>): string {
  const text = readFileSync(join(templates, template), 'utf8').replace(/@([A-Z_0-9]+)@/g, (_, key: string) => {
    if (values[key] === undefined) throw new Error(`${template}: nothing for @${key}@`);
    return String(values[key]);
  });
  return text;
}

/** PostgreSQL does not run as root; its package made a user for it. */
export const serverUser = (() => {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
})();

/** Where Debian's packages put it. */
export function programOf(name: string, packageName: string): string {
  const found = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].map((dir) => join(dir, name)).find((path) => existsSync(path));
  if (!found) throw new Error(`no ${name} here: install ${packageName} (scripts/bootstrap --cluster)`);
  return found;
}

export function makeFolder(path: string, forServer = false): string {
  mkdirSync(path, { recursive: true, mode: forServer ? 0o700 : 0o755 });
  if (forServer && serverUser) chownSync(path, serverUser.uid, serverUser.gid);
  return path;
}

export interface ProgramOptions {
  name: string;
  command: string;
  args: string[];
  dir: string;
  /** As PostgreSQL's user, when we are root. */
  asServer?: boolean;
  env?: Record<string, string>;
}

const { STABLEHAND_BIN: _bin, SH_TEST_PG: _pg, ...inherited } = process.env;
const running = new Set<Program>();
/* Whatever happens to us, nobody stays behind. */
process.once('exit', () => running.forEach((p) => p.signalGroup('SIGKILL')));

export class Program {
  private child: ChildProcess | null = null;
  private exit: Promise<void> = Promise.resolve();
  /** Called for each line of output. */
  onLine: ((line: string) => void) | null = null;
  tail: string[] = [];

  constructor(readonly options: ProgramOptions) {}

  get isRunning(): boolean {
    return this.child !== null;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  start(extra: string[] = []): void {
    if (this.child) throw new Error(`${this.options.name} runs already`);
    const { name, command, args, dir, asServer, env } = this.options;
    const log = createWriteStream(join(dir, `${name}.log`), { flags: 'a' });
    const child = spawn(command, [...args, ...extra], {
      detached: true,
      cwd: asServer ? '/' : dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...inherited, LC_ALL: 'C.UTF-8', ...env },
      ...(asServer && serverUser),
    });
    this.child = child;
    running.add(this);
    let rest = '';
    const take = (data: Buffer) => {
      log.write(data);
      const lines = (rest + String(data)).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        this.tail.push(line);
        this.onLine?.(line);
      }
      if (this.tail.length > 200) this.tail.splice(0, this.tail.length - 200);
    };
    child.stdout!.on('data', take);
    child.stderr!.on('data', take);
    this.exit = new Promise((resolve) => {
      const done = () => {
        if (this.child === child) this.child = null;
        running.delete(this);
        resolve();
      };
      child.once('exit', done);
      // Its children may go on writing.
      child.once('close', () => log.end());
      child.once('error', (e) => {
        this.tail.push(String(e));
        done();
      });
    });
  }

  /** To the process and what it started in its group. */
  signalGroup(signal: NodeJS.Signals): void {
    try {
      if (this.child?.pid) process.kill(-this.child.pid, signal);
    } catch {
      // Gone already.
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  async kill(): Promise<void> {
    this.signalGroup('SIGKILL');
    await this.exit;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM', withinMs = 10_000): Promise<void> {
    this.signal(signal);
    const timer = setTimeout(() => this.signalGroup('SIGKILL'), withinMs);
    await this.exit;
    clearTimeout(timer);
  }
}

/** Resolves as soon as `look` gives something; asks every 50 ms. */
export async function until<T>(what: string, withinMs: number, look: () => Promise<T | null | undefined | false> | T | null | undefined | false): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    let last: unknown = null;
    try {
      const found = await look();
      if (found) return found;
    } catch (e) {
      last = e;
    }
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms for ${what}${last ? `: ${String(last)}` : ''}`);
    await sleep(50);
  }
}

export function writeConfig(path: string, text: string): string {
  writeFileSync(path, text, { mode: 0o600 });
  if (serverUser) chownSync(path, serverUser.uid, serverUser.gid);
  return path;
}
