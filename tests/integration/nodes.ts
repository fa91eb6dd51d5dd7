/** The same desk twice or three times on one PostgreSQL. */
import { spawn, type ChildProcess } from 'node:child_process';

import { AgentClient, Desk, Visitor } from './desk.js';
import { databaseOf, onPostgres, Server } from './server.js';

/** For `{ skip: ... }`. */
export const skipOnFile = !onPostgres && 'several nodes need PostgreSQL';
/** A node is given up after this time. */
export const LEASE_MS = 3000;

export class Nodes {
  private constructor(
    readonly desk: Desk,
    /** desk.server is the first. */
    readonly all: Server[],
  ) {}

  static async start(n = 2, inbox: Record<string, unknown> = {}, settings: string[] = []): Promise<Nodes> {
    const all = [`--node.lease=${LEASE_MS / 1000}s`, ...settings];
    const desk = await Desk.start({ settings: all }, inbox);
    const nodes = new Nodes(desk, [desk.server]);
    try {
      while (nodes.all.length < n) nodes.all.push(await Server.start({ dir: desk.server.dir, settings: all }));
    } catch (e) {
      await nodes.dispose();
      throw e;
    }
    return nodes;
  }

  get a(): Server {
    return this.all[0]!;
  }

  get b(): Server {
    return this.all[1]!;
  }

  /** The same session, at another node. */
  agentAt(server: Server, agent: AgentClient): AgentClient {
    const there = new AgentClient(server.url);
    there.cookies = new Map(agent.cookies);
    there.csrf = agent.csrf;
    there.id = agent.id;
    return there;
  }

  visitorAt(server: Server, visitor: Visitor): Visitor {
    const there = new Visitor(server.url);
    there.token = there.bearer = visitor.token;
    there.conversationId = visitor.conversationId;
    return there;
  }

  async dispose(): Promise<void> {
    for (const server of this.all.slice(1)) await server.kill();
    await this.desk.dispose();
  }
}

/** A transaction of somebody else's, open until it is let go. */
export class Stall {
  private constructor(private readonly psql: ChildProcess) {}

  static async on(server: Server, sql: string): Promise<Stall> {
    const psql = spawn('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1', databaseOf(server.dir)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ready = new Promise<void>((resolve, reject) => {
      psql.stdout!.on('data', (d) => String(d).includes('stalled') && resolve());
      psql.once('exit', () => reject(new Error('psql ended')));
    });
    psql.stdin!.write(`BEGIN;\n${sql};\nSELECT 'stalled';\n`);
    await ready;
    return new Stall(psql);
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.psql.once('exit', resolve));
    this.psql.stdin!.end('ROLLBACK;\n');
    await ended;
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until it is so; the last answer otherwise. */
export async function eventually<T>(what: string, ms: number, ask: () => Promise<T | undefined | false | null>): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms for ${what}`);
    await sleep(40);
  }
}
