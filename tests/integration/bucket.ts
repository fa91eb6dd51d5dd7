/** An S3-compatible store that checks signatures (scripts/with-s3), behind a proxy that breaks connections on demand. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export class Bucket {
  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly lines: AsyncIterator<string>,
    readonly endpoint: string,
    readonly accessKey: string,
    readonly secretKey: string,
  ) {}

  static async start(): Promise<Bucket> {
    const command = `echo "$SH_TEST_S3_KEY $SH_TEST_S3_SECRET"; exec node ${root}tests/net/s3_proxy.mjs`;
    const child = spawn(`${root}scripts/with-s3`, ['bash', '-c', command], { stdio: ['pipe', 'pipe', 'inherit'] }) as unknown as ChildProcessWithoutNullStreams;
    const reader: Interface = createInterface({ input: child.stdout });
    const lines = reader[Symbol.asyncIterator]();
    const keys = (await lines.next()).value?.split(' ');
    const ready = /^ready (\d+)/.exec((await lines.next()).value ?? '');
    if (!keys || !ready) throw new Error('the S3 store does not start (scripts/bootstrap installs it)');
    return new Bucket(child, lines, `http://127.0.0.1:${ready[1]}`, keys[0]!, keys[1]!);
  }

  /** Settings of a server that keeps its files here. */
  settings(prefix: string, secret = this.secretKey): string[] {
    return [`--files.url=s3://desk/${prefix}`, `--files.s3_endpoint=${this.endpoint}`, `--files.s3_access_key=${this.accessKey}`, `--files.s3_secret_key=${secret}`, '--files.s3_silence=1s'];
  }

  /** "cut 100000 1" and the like: tests/net/s3_proxy.mjs. */
  async order(line: string): Promise<string> {
    this.child.stdin.write(`${line}\n`);
    return (await this.lines.next()).value ?? '';
  }

  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.child.stdin.end();
    await ended;
  }
}
