import type { Schema } from '@stablehand/api';
import { Outbox, newClientId, type OutboxEntry } from '@stablehand/core';
import { line } from '../../shell/line.svelte.js';
import { session } from '../../shell/session.svelte.js';
import { tabId, tabs } from '../../shell/tabs.svelte.js';
import type { Outgoing } from './rows.js';

const TICK_MS = 3_000;
/** How long an acknowledged message is shown from here while its event is on the way. */
const GHOST_MS = 8_000;

type Entry = OutboxEntry<Outgoing>;

/** What I have sent and the server has not stored yet. Kept in this browser per person and tab, so that a reload, a cut line or a restart loses nothing;
 * what a closed tab has left behind is taken over by the next one. */
class Sending {
  entries = $state.raw<readonly Entry[]>([]);
  private ghosts = $state.raw<readonly Entry[]>([]);
  private box: Outbox<Outgoing> | null = null;
  private readonly refusals = new Set<(entry: Entry, code: string) => boolean>();

  start(): (() => void)[] {
    const prefix = `stablehand.outbox.${session.agentId}.`;
    const key = prefix + tabId;
    this.box = new Outbox<Outgoing>({
      storage: { load: () => localStorage.getItem(key), save: (v) => this.save(key, v) },
      transmit: (_, payload) =>
        line.send({ t: 'send', conversation_id: payload.conversation_id, message: payload.message }),
      onChange: (entries) => (this.entries = entries),
      now: Date.now,
    });
    this.entries = this.box.pending;
    void this.adopt(prefix);
    const timer = setInterval(() => line.status === 'live' && this.box?.tick(), TICK_MS);
    return [
      line.on('live', () => this.box?.lineIsLive()),
      line.on('ack', (frame) => this.acknowledged(frame.client_id)),
      line.on('nack', (frame) => this.refused(frame.client_id, frame.problem, frame.retry ?? false)),
      () => clearInterval(timer),
    ];
  }

  of(conversation: string): readonly Entry[] {
    const mine = (e: Entry) => e.payload.conversation_id === conversation;
    return [...this.ghosts.filter(mine), ...this.entries.filter(mine)];
  }

  isStored(clientId: string): boolean {
    return this.ghosts.some((e) => e.clientId === clientId);
  }

  send(
    conversation: string,
    message: Omit<Schema['MessageWrite'], 'client_id'>,
    files: Schema['File'][] = [],
  ): boolean {
    const clientId = newClientId();
    const payload = { conversation_id: conversation, message: { ...message, client_id: clientId }, files };
    return this.box?.add(clientId, payload) ?? false;
  }

  retry(clientId: string): void {
    this.box?.retry(clientId);
  }

  remove(clientId: string): void {
    this.box?.remove(clientId);
  }

  /** The composer takes back what was refused as stale; returns true when it did. */
  onRefused(listener: (entry: Entry, code: string) => boolean): () => void {
    this.refusals.add(listener);
    return () => this.refusals.delete(listener);
  }

  private save(key: string, value: string): void {
    if (value === '[]') localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  }

  private acknowledged(clientId: string): void {
    const entry = this.entries.find((e) => e.clientId === clientId);
    this.box?.acknowledged(clientId);
    if (!entry) return;
    this.ghosts = [...this.ghosts, entry];
    setTimeout(() => (this.ghosts = this.ghosts.filter((e) => e.clientId !== clientId)), GHOST_MS);
  }

  private refused(clientId: string, problem: Schema['Problem'], retry: boolean): void {
    const entry = this.entries.find((e) => e.clientId === clientId);
    if (entry && !retry && [...this.refusals].some((take) => take(entry, problem.code))) {
      this.box?.remove(clientId);
      return;
    }
    this.box?.refused(clientId, { code: problem.code, message: problem.detail ?? problem.title }, retry);
  }

  private async adopt(prefix: string): Promise<void> {
    const living = await tabs.living();
    if (!living) return;
    for (const key of Object.keys(localStorage).filter((k) => k.startsWith(prefix))) {
      const tab = key.slice(prefix.length);
      if (tab === tabId || living.has(tab)) continue;
      const left = JSON.parse(localStorage.getItem(key) ?? '[]') as Entry[];
      localStorage.removeItem(key);
      // The client id stays: had it been stored after all, the server recognises it.
      for (const entry of left) this.box?.add(entry.clientId, entry.payload);
    }
  }
}

export const sending = new Sending();
