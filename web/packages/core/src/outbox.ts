/** Messages that the person has sent and the server has not acknowledged. They survive reloads (through `storage`), are sent in order, sent again after each
 * reconnect with the same client_id, and leave only on an acknowledgement, a final refusal that the person dismisses, or a cancel. */

export interface OutboxEntry<P> {
  clientId: string;
  payload: P;
  createdAt: number;
  state: 'sending' | 'failed';
  /** Why it failed, for the person; only with state failed. */
  problem?: { code: string; message: string };
}

export interface OutboxStorage {
  load(): string | null;
  save(value: string): void;
}

export interface OutboxOptions<P> {
  storage: OutboxStorage;
  /** Hands it to the line; false when there is none. */
  transmit: (clientId: string, payload: P) => boolean;
  onChange: (entries: readonly OutboxEntry<P>[]) => void;
  now: () => number;
  /** Unacknowledged for so long on a live line: transmit again. */
  resendAfterMs?: number;
  /** Calls back later. */
  later?: (fn: () => void, ms: number) => void;
}

const RESEND_AFTER_MS = 10_000;
/** A server that could not now is asked again so soon, half of it by chance: a database that changes its leader is back within seconds. */
const RETRY_AFTER_MS = 1_000;
const MAX_ENTRIES = 200;

/** What storage gave back, as far as it has the shape of entries: anybody may have written there. */
function parseEntries<P>(kept: string | null): OutboxEntry<P>[] {
  try {
    const value: unknown = JSON.parse(kept ?? '[]');
    const isEntry = (e: unknown) =>
      typeof e === 'object' && e !== null && typeof (e as OutboxEntry<P>).clientId === 'string';
    return Array.isArray(value) ? (value.filter(isEntry) as OutboxEntry<P>[]) : [];
  } catch {
    return [];
  }
}

export class Outbox<P> {
  private entries: OutboxEntry<P>[];
  private readonly transmittedAt = new Map<string, number>();
  /** Refused for now, and to be sent again when the timer rings. */
  private readonly postponed = new Set<string>();

  constructor(private readonly options: OutboxOptions<P>) {
    this.entries = parseEntries<P>(options.storage.load());
  }

  get pending(): readonly OutboxEntry<P>[] {
    return this.entries;
  }

  /** Keeps it first, then sends: false when the outbox is full. */
  add(clientId: string, payload: P): boolean {
    if (this.entries.length >= MAX_ENTRIES) return false;
    this.entries = [...this.entries, { clientId, payload, createdAt: this.options.now(), state: 'sending' }];
    this.changed();
    this.flush();
    return true;
  }

  /** Takes over what another tab left behind, as `storage` kept it. Entries that are here already are not doubled. */
  adopt(kept: string): void {
    const mine = new Set(this.entries.map((e) => e.clientId));
    const theirs = parseEntries<P>(kept).filter((e) => !mine.has(e.clientId));
    if (theirs.length === 0) return;
    this.entries = [...this.entries, ...theirs].sort((a, b) => a.createdAt - b.createdAt);
    this.changed();
    this.flush();
  }

  /** Another person from now on. */
  clear(): void {
    this.transmittedAt.clear();
    this.entries = [];
    this.changed();
  }

  /** The line is live (again): everything not acknowledged goes out once more, in order. */
  lineIsLive(): void {
    this.transmittedAt.clear();
    this.flush();
  }

  /** Call now and then on a live line: an acknowledgement that got lost is asked for again. */
  tick(): void {
    const limit = this.options.now() - (this.options.resendAfterMs ?? RESEND_AFTER_MS);
    for (const [clientId, at] of this.transmittedAt) {
      if (at <= limit) this.transmittedAt.delete(clientId);
    }
    this.flush();
  }

  acknowledged(clientId: string): void {
    this.remove(clientId);
  }

  /** `retry`: the server could not now (busy, no database); it stays and is sent again in a moment. Otherwise the person decides. */
  refused(clientId: string, problem: { code: string; message: string }, retry: boolean): void {
    if (retry) {
      this.postpone(clientId);
      return;
    }
    this.transmittedAt.delete(clientId);
    this.entries = this.entries.map((e) =>
      e.clientId === clientId ? { ...e, state: 'failed', problem } : e,
    );
    this.changed();
  }

  /** The person wants a failed one sent again; `payload` when it was changed. */
  retry(clientId: string, payload?: P): void {
    this.entries = this.entries.map((e) =>
      e.clientId === clientId
        ? { clientId: e.clientId, payload: payload ?? e.payload, createdAt: e.createdAt, state: 'sending' }
        : e,
    );
    this.changed();
    this.flush();
  }

  remove(clientId: string): void {
    const before = this.entries.length;
    this.transmittedAt.delete(clientId);
    this.entries = this.entries.filter((e) => e.clientId !== clientId);
    if (this.entries.length !== before) this.changed();
  }

  private postpone(clientId: string): void {
    this.postponed.add(clientId);
    if (this.postponed.size > 1) return;
    const later = this.options.later ?? ((fn: () => void, ms: number) => void setTimeout(fn, ms));
    later(
      () => {
        for (const id of this.postponed) this.transmittedAt.delete(id);
        this.postponed.clear();
        this.flush();
      },
      RETRY_AFTER_MS / 2 + (Math.random() * RETRY_AFTER_MS) / 2,
    );
  }

  private flush(): void {
    for (const entry of this.entries) {
      if (entry.state !== 'sending' || this.transmittedAt.has(entry.clientId)) continue;
      if (!this.options.transmit(entry.clientId, entry.payload)) return;
      this.transmittedAt.set(entry.clientId, this.options.now());
    }
  }

  private changed(): void {
    this.options.storage.save(JSON.stringify(this.entries));
    this.options.onChange(this.entries);
  }
}
