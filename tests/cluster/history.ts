/** What the clients did and saw, in the order in which they did: JSON lines in a file, and the same in memory for the checker. */
import { createWriteStream, type WriteStream } from 'node:fs';

interface Common {
  /** Milliseconds since the history began. */
  at: number;
  client: string;
}
/** `id` is the client's own for the message; `message` the server's. */
export type Entry = Common &
  (
    | { op: 'invoke'; conversation: string; id: string; body: string }
    | { op: 'ack'; conversation: string; id: string; message: string; seq: number }
    /** An event that a reader takes in; `live`: not by a replay or a page. */
    | { op: 'receive'; conversation: string; seq: number; kind: string; message: string | null; live: boolean }
    | { op: 'snooze'; conversation: string; until: number }
    | { op: 'fault'; name: string }
    | { op: 'healed'; name: string }
    /** A database member is writable from now on. */
    | { op: 'promoted'; name: string }
    | { op: 'line'; status: string }
  );
export type WithoutTime<T> = T extends unknown ? Omit<T, 'at'> : never;

export class History {
  readonly entries: Entry[] = [];
  private readonly began = Date.now();
  private readonly file: WriteStream;

  constructor(readonly path: string) {
    this.file = createWriteStream(path);
  }

  get now(): number {
    return Date.now() - this.began;
  }

  /** What comes after `close` is not of this history. */
  add(entry: WithoutTime<Entry>): void {
    if (this.file.writableEnded) return;
    const whole = { at: this.now, ...entry } as Entry;
    this.entries.push(whole);
    this.file.write(`${JSON.stringify(whole)}\n`);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.file.end(resolve));
  }
}
