/** Socket clients of the tests: they collect frames, check each against spec/socket.yaml, and wait for what a test expects. */
import WebSocket from 'ws';

import { checkFrame, type FrameDirection } from './spec.js';

export type Frame = { t: string } & Record<string, any>;
const WAIT_MS = 10_000;

export class SocketClient {
  frames: Frame[] = [];
  closeCode: number | null = null;
  private socket: WebSocket;
  private waiters = new Set<() => void>();
  private error: Error | null = null;

  constructor(url: string, direction: FrameDirection, hello: Frame | null, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url, { headers });
    this.socket.on('open', () => hello && this.socket.send(JSON.stringify(hello)));
    this.socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Frame;
      try {
        checkFrame(direction, frame as never);
      } catch (e) {
        this.error ??= e as Error;
      }
      this.frames.push(frame);
      this.wake();
    });
    this.socket.on('close', (code) => {
      this.closeCode = code;
      this.wake();
    });
    this.socket.on('error', () => this.wake());
  }

  private wake(): void {
    for (const w of this.waiters) w();
  }

  send(frame: Frame): void {
    this.socket.send(JSON.stringify(frame));
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  sendRaw(data: string | Uint8Array): void {
    this.socket.send(data);
  }

  /** Resolves as soon as `find` gives something; rejects after ten seconds with what came instead. */
  async until<T>(what: string, find: () => T | undefined | false | null): Promise<T> {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      if (this.error) throw this.error;
      const found = find();
      if (found) return found;
      if (Date.now() > deadline) {
        throw new Error(`waited for ${what}; closed ${this.closeCode}; got ${JSON.stringify(this.frames.slice(-8)).slice(0, 1500)}`);
      }
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.waiters.delete(done);
          resolve();
        };
        const timer = setTimeout(done, 200);
        this.waiters.add(done);
      });
    }
  }

  frame(t: string, test: (f: Frame) => boolean = () => true): Promise<Frame> {
    return this.until(`frame ${t}`, () => this.frames.find((f) => f.t === t && test(f)));
  }

  event(kind: string, test: (data: any) => boolean = () => true): Promise<any> {
    return this.until(`event ${kind}`, () => this.frames.find((f) => f.t === 'event' && f.event.kind === kind && test(f.event.data))?.event);
  }

  /** What people and the bot said so far, in order; system lines left out. */
  messages(): any[] {
    return this.frames
      .filter((f) => f.t === 'event' && f.event.kind === 'message.created' && f.event.data.kind !== 'system')
      .map((f) => f.event.data);
  }

  closed(): Promise<number> {
    return this.until('close', () => this.closeCode ?? undefined);
  }

  close(): void {
    this.socket.close();
  }

  /** Cuts the line without a goodbye. */
  terminate(): void {
    this.socket.terminate();
  }
}
