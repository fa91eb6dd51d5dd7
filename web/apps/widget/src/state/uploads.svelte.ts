/** Files on their way into a message: checked, uploaded with progress, ready to be sent. */
import { ApiProblem, uploadFile, type Schema } from '@stablehand/api';
import { byteSize } from '@stablehand/core';

import type { Widget } from './widget.svelte.js';

export interface Upload {
  key: number;
  name: string;
  percent: number;
  done: Schema['File'] | null;
  problem: string | null;
  abort: AbortController;
}

export const MAX_FILES = 10;

export class Uploads {
  items = $state<Upload[]>([]);
  private nextKey = 1;

  constructor(private readonly widget: Widget) {}

  get isBusy(): boolean {
    return this.items.some((u) => !u.done && !u.problem);
  }

  get ready(): Schema['File'][] {
    return this.items.flatMap((u) => (u.done ? [$state.snapshot(u.done) as Schema['File']] : []));
  }

  add(files: Iterable<File>): void {
    for (const file of files) {
      if (this.items.length >= MAX_FILES) return;
      void this.upload(file);
    }
  }

  remove(key: number): void {
    this.items.find((u) => u.key === key)?.abort.abort();
    this.items = this.items.filter((u) => u.key !== key);
  }

  clear(): void {
    this.items = [];
  }

  private async upload(file: File): Promise<void> {
    const { w, language } = this.widget;
    const abort = new AbortController();
    this.items.push({ key: this.nextKey++, name: file.name, percent: 0, done: null, problem: null, abort });
    const item = this.items.at(-1)!;
    const limit = this.widget.session?.inbox.max_file_bytes ?? Infinity;
    if (file.size > limit) {
      item.problem = w('fileTooBig', { name: file.name, limit: byteSize(limit, language) });
      return;
    }
    try {
      item.done = await uploadFile(
        file,
        { url: '/api/v1/visitor/files' },
        {
          headers: this.widget.authorization,
          onProgress: (share) => (item.percent = Math.round(share * 100)),
          signal: abort.signal,
        },
      );
    } catch (e) {
      const refused = e instanceof ApiProblem && (e.status === 415 || e.status === 422);
      item.problem = w(refused ? 'fileRefused' : 'fileFailed', { name: file.name });
    }
  }
}
