import { ApiProblem, unwrap, uploadFile, type Schema } from '@stablehand/api';
import { newClientId, type OutboxEntry } from '@stablehand/core';
import { line } from '../../shell/line.svelte.js';
import { explain } from '../../shell/problems.js';
import { session } from '../../shell/session.svelte.js';
import { conversationOf } from './conversation.svelte.js';
import { drafts } from './drafts.svelte.js';
import type { Message } from './head.js';
import { sending } from './outbox.svelte.js';
import { people } from './people.svelte.js';
import type { Outgoing } from './rows.js';
import { mentionsIn } from './suggest.js';

export type Kind = 'public' | 'note';
export type Then = 'resolve' | 'wait' | null;

export interface Upload {
  key: string;
  name: string;
  size: number;
  progress: number;
  file: Schema['File'] | null;
  error: string;
  abort: AbortController;
}

const DRAFT_MS = 700;
const TYPING_EVERY_MS = 3_000;
const TYPING_OFF_MS = 4_000;
export const MAX_FILE_BYTES = 20 * 1024 * 1024;
const MAX_FILES = 10;

/** What I am writing in one conversation: text, files, the draft on the server, and the stop when something came in between. */
export class Composer {
  kind = $state<Kind>('public');
  body = $state('');
  uploads = $state<Upload[]>([]);
  replyTo = $state.raw<Message | null>(null);
  /** Refused: something public arrived after I began to write. */
  stale = $state(false);
  /** The newest seq when I began to write. */
  private base = $state<number | null>(null);
  private then: Then = null;
  private draftTimer: ReturnType<typeof setTimeout> | undefined;
  private typingOff: ReturnType<typeof setTimeout> | undefined;
  private typedAt = 0;
  private savedBody = '';
  private loaded = false;

  constructor(readonly id: string) {}

  readonly isUploading = $derived(this.uploads.some((u) => !u.file && !u.error));
  readonly isEmpty = $derived(this.body.trim() === '' && !this.uploads.some((u) => u.file));

  /** Messages of the customer that came since I began to write. */
  get arrived(): readonly Message[] {
    const base = this.base;
    if (base === null || this.kind === 'note') return [];
    return conversationOf(this.id).timeline.messages.filter(
      (m) => m.seq > base && m.kind === 'public' && !isMine(m) && m.author.kind !== 'system',
    );
  }

  async loadDraft(): Promise<void> {
    if (this.loaded) return;
    this.loaded = true;
    await this.follow();
  }

  /** Takes what was written in another tab or on another device, unless something is written here that is not kept there yet. */
  async follow(): Promise<void> {
    if (!this.loaded || this.body !== this.savedBody) return;
    try {
      const draft = await unwrap(
        session.api.GET('/api/v1/conversations/{id}/draft', { params: { path: { id: this.id } } }),
      );
      if (this.body !== this.savedBody || draft.body === this.body) return;
      this.body = draft.body;
      this.savedBody = draft.body;
      this.kind = draft.kind;
      this.base = null;
      if (draft.body !== '') this.begin();
    } catch {
      // What stands here stays; the next look asks again.
    }
  }

  /** The text was changed by the writer. */
  typed(): void {
    if (this.isEmpty) this.base = null;
    else this.begin();
    this.keepDraft();
    this.sayTyping();
  }

  setKind(kind: Kind): void {
    this.kind = kind;
    this.keepDraft();
  }

  /** I have seen what arrived. */
  acknowledge(): void {
    this.stale = false;
    this.base = conversationOf(this.id).timeline.have;
  }

  async addFiles(files: readonly File[], tooBig: string): Promise<void> {
    const room = MAX_FILES - this.uploads.length;
    await Promise.all(files.slice(0, room).map((file) => this.upload(file, tooBig)));
  }

  removeUpload(key: string): void {
    this.uploads.find((u) => u.key === key)?.abort.abort();
    this.uploads = this.uploads.filter((u) => u.key !== key);
  }

  /** Hands it to the outbox. False when there is nothing to send yet. */
  send(then: Then = null, anyway = false): boolean {
    if (this.isEmpty || this.isUploading) return false;
    const files = this.uploads.flatMap((u) => (u.file ? [u.file] : []));
    const isNote = this.kind === 'note';
    const body = this.body.trim();
    const message = {
      kind: this.kind,
      body,
      reply_to: this.replyTo?.id ?? null,
      file_ids: files.map((f) => f.id),
      mentions: isNote ? mentionsIn(body, people.active) : [],
      expect_seq: isNote || anyway ? null : this.base,
      then: isNote ? null : then,
    };
    this.then = then;
    if (!sending.send(this.id, message, files)) return false;
    this.clear();
    return true;
  }

  /** The server refused it as stale: back into the composer with it, and say so. */
  takeBack(entry: OutboxEntry<Outgoing>): void {
    const { message, files } = entry.payload;
    this.body = this.body.trim() ? `${message.body}\n${this.body}` : (message.body ?? '');
    this.kind = message.kind;
    this.then = message.then ?? null;
    this.uploads = files.map((file) => done(file));
    this.base = message.expect_seq ?? null;
    this.stale = true;
    this.keepDraft();
  }

  sendAnyway(): boolean {
    this.stale = false;
    return this.send(this.then, true);
  }

  stopTyping(): void {
    clearTimeout(this.typingOff);
    if (this.typedAt > 0) line.send({ t: 'typing', on: false, conversation_id: this.id, kind: this.kind });
    this.typedAt = 0;
  }

  private begin(): void {
    this.base ??= conversationOf(this.id).timeline.have;
  }

  private clear(): void {
    this.body = '';
    this.uploads = [];
    this.replyTo = null;
    this.base = null;
    this.stale = false;
    this.stopTyping();
    this.keepDraft(0);
  }

  private keepDraft(after = DRAFT_MS): void {
    clearTimeout(this.draftTimer);
    this.draftTimer = setTimeout(() => void this.saveDraft(), after);
  }

  async saveDraft(): Promise<void> {
    clearTimeout(this.draftTimer);
    const body = this.body.trim() === '' ? '' : this.body;
    if (body === this.savedBody) return;
    this.savedBody = body;
    try {
      await unwrap(
        session.api.PUT('/api/v1/conversations/{id}/draft', {
          params: { path: { id: this.id } },
          body: { body, kind: this.kind },
        }),
      );
    } catch {
      // Tried again with the next letter.
      this.savedBody = '\0';
    }
  }

  private sayTyping(): void {
    clearTimeout(this.typingOff);
    if (this.isEmpty) {
      this.stopTyping();
      return;
    }
    this.typingOff = setTimeout(() => this.stopTyping(), TYPING_OFF_MS);
    if (Date.now() - this.typedAt < TYPING_EVERY_MS) return;
    if (line.send({ t: 'typing', on: true, conversation_id: this.id, kind: this.kind }))
      this.typedAt = Date.now();
  }

  private async upload(file: File, tooBig: string): Promise<void> {
    const key = newClientId();
    const abort = new AbortController();
    const error = file.size > MAX_FILE_BYTES ? tooBig : '';
    this.uploads.push({ key, name: file.name, size: file.size, progress: 0, file: null, error, abort });
    if (error) return;
    const change = (by: Partial<Upload>) => {
      this.uploads = this.uploads.map((u) => (u.key === key ? { ...u, ...by } : u));
    };
    try {
      const stored = await uploadFile(
        file,
        { url: '/api/v1/files', conversationId: this.id },
        {
          headers: session.csrfHeaders,
          onProgress: (progress) => change({ progress }),
          signal: abort.signal,
        },
      );
      change({ file: stored, progress: 1 });
    } catch (problem) {
      if (!(problem instanceof ApiProblem && problem.code === 'aborted')) change({ error: explain(problem) });
    }
  }
}

/** Ids of agents and customers are counted apart. */
function isMine(message: Message): boolean {
  return message.author.kind === 'agent' && message.author.id === session.agentId;
}

function done(file: Schema['File']): Upload {
  return {
    key: file.id,
    name: file.name,
    size: file.size,
    progress: 1,
    file,
    error: '',
    abort: new AbortController(),
  };
}

const composers = new Map<string, Composer>();

/** One per conversation, for as long as the tab lives: what was begun is there when one comes back. */
export function composerOf(id: string): Composer {
  const held = composers.get(id);
  if (held) return held;
  const made = new Composer(id);
  composers.set(id, made);
  return made;
}

export function startComposers(): (() => void)[] {
  return [
    sending.onRefused((entry, code) => {
      if (code !== 'stale') return false;
      composerOf(entry.payload.conversation_id).takeBack(entry);
      return true;
    }),
    drafts.onChange((id) => void composers.get(id)?.follow()),
  ];
}
