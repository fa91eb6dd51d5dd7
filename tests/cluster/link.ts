/** A line between two programs that a test can cut and slow: a small TCP proxy. No privileges, no network namespaces. */
import { connect, createServer, type Server, type Socket } from 'node:net';

/** `open`; `stalled`: bytes are taken and go nowhere, new connections are accepted and hear nothing (a cut cable, as far as the two ends can tell);
 * `refused`: everything is closed, and new connections are, too. */
export type LinkState = 'open' | 'stalled' | 'refused';

interface Line {
  near: Socket;
  far: Socket | null;
}

export class Link {
  port = 0;
  state: LinkState = 'open';
  delayMs = 0;
  private readonly lines = new Set<Line>();
  private server: Server | null = null;

  constructor(
    readonly name: string,
    private readonly target: { host: string; port: number },
  ) {}

  async listen(): Promise<this> {
    this.server = createServer({ noDelay: true }, (near) => this.accept(near));
    await new Promise<void>((resolve, reject) => {
      this.server!.once('error', reject);
      this.server!.listen(0, '127.0.0.1', resolve);
    });
    this.port = (this.server.address() as { port: number }).port;
    return this;
  }

  private accept(near: Socket): void {
    const line: Line = { near, far: null };
    near.on('error', () => this.drop(line));
    if (this.state === 'refused') {
      near.destroy();
      return;
    }
    this.lines.add(line);
    near.on('close', () => this.drop(line));
    if (this.state === 'stalled') near.pause();
    else this.dial(line);
  }

  private dial(line: Line): void {
    const far = connect({ ...this.target, noDelay: true });
    line.far = far;
    far.on('error', () => this.drop(line));
    far.on('close', () => this.drop(line));
    this.pipe(line, line.near, far);
    this.pipe(line, far, line.near);
    if (this.state === 'stalled') this.hold(line);
  }

  /** Bytes go on after the delay, in order; what the receiver does not take holds the sender up. */
  private pipe(line: Line, from: Socket, to: Socket): void {
    const waiting: (Buffer | null)[] = [];
    const give = (data: Buffer | null) => {
      if (!this.lines.has(line)) return;
      if (data === null) to.end();
      else if (!to.write(data)) {
        from.pause();
        to.once('drain', () => this.state !== 'stalled' && from.resume());
      }
    };
    const take = (data: Buffer | null) => {
      if (this.delayMs === 0 && waiting.length === 0) return give(data);
      waiting.push(data);
      setTimeout(() => give(waiting.shift()!), this.delayMs);
    };
    from.on('data', take);
    from.on('end', () => take(null));
  }

  private drop(line: Line): void {
    if (!this.lines.delete(line)) return;
    line.near.destroy();
    line.far?.destroy();
  }

  private hold(line: Line): void {
    line.near.pause();
    line.far?.pause();
  }

  set(state: LinkState): void {
    this.state = state;
    for (const line of [...this.lines]) {
      if (state === 'refused') this.drop(line);
      else if (state === 'stalled') this.hold(line);
      else if (line.far) {
        line.near.resume();
        line.far.resume();
      } else {
        this.dial(line);
        line.near.resume();
      }
    }
  }

  async close(): Promise<void> {
    this.set('refused');
    await new Promise<void>((resolve) => (this.server ? this.server.close(() => resolve()) : resolve()));
  }
}
