/** The whole cluster of `scripts/cluster`, in a folder and on ports of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { binary } from './server.js';

const script = fileURLToPath(new URL('../../scripts/lib/cluster.py', import.meta.url));
const env = { ...process.env, STABLEHAND_BIN: binary };

export class OneBox {
  private constructor(
    readonly parent: string,
    readonly port: number,
    private readonly child: ChildProcess,
    /** Of its end. */
    readonly ended: Promise<number | null>,
  ) {}

  static async start(...options: string[]): Promise<OneBox> {
    const parent = mkdtempSync(join(tmpdir(), 'stablehand-one-box-'));
    chmodSync(parent, 0o755);
    /* And seventy ports from ten thousand above this one on; all below those of outgoing connections. */
    const port = 10_000 + 100 * Math.floor(Math.random() * 90);
    const child = spawn('python3', [script, `--dir=${join(parent, 'cluster')}`, `--port=${port}`, ...options], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout!.on('data', (d) => (said += String(d)));
    const box = new OneBox(parent, port, child, new Promise((resolve) => child.once('exit', resolve)));
    try {
      await box.until('all of it', 200, () => said.includes('Now break it') || child.exitCode !== null);
      if (child.exitCode !== null) throw new Error(`the cluster ended:\n${said}`);
    } catch (e) {
      await box.dispose();
      throw e;
    }
    return box;
  }

  get dir(): string {
    return join(this.parent, 'cluster');
  }
  /** HAProxy. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** As another terminal would say it. */
  order(...words: string[]): string {
    return spawnSync('python3', [script, `--dir=${this.dir}`, ...words], { encoding: 'utf8', env, timeout: 30_000 }).stdout;
  }
  leader(): string | undefined {
    return /^(pg\d).*leads$/m.exec(this.order('status'))?.[1];
  }
  hasHeir(): boolean {
    return /^pg\d.*takes over$/m.test(this.order('status'));
  }
  async isReady(): Promise<boolean> {
    return (await fetch(`${this.url}/readyz`).catch(() => null))?.status === 200;
  }
  allReady(): boolean {
    const status = this.order('status');
    return status.match(/ ready$/gm)?.length === 3 && !status.includes('NOT');
  }

  async until(what: string, seconds: number, look: () => Promise<boolean> | boolean): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (!(await look())) {
      if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}\n${this.order('status')}`);
      await new Promise((r) => setTimeout(r, 300));
    }
  }

  async dispose(): Promise<void> {
    if (this.child.exitCode === null) this.child.kill('SIGTERM');
    await this.ended;
    rmSync(this.parent, { recursive: true, force: true });
  }
}
