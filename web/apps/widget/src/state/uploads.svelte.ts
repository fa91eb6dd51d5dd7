/** Files on their way into a message: checked, uploaded with progress, ready to be sent. They belong to the widget, not to the view: a look at an article in
 * between costs nothing. */
import { ApiProblem, uploadFile, type Schema } from '@stablehand/api';
import { byteSize } from '@stablehand/core';

import type { Widget } from './widget.svelte.js';

export interface Upload {
  key: number;
  name: string;
  percent: number;
  done: Schema['File'] | null;
  problem: string | null;
  /** The same again may work (no line, server busy). */
  canRetry: boolean;
  file: File;
  abort: AbortController;
}

export const MAX_FILES = 10;

export class Uploads {
  isOver = $state(false);
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
      this.isOver = this.items.length >= MAX_FILES;
      if (this.isOver) return;
      this.items.push({
        key: this.nextKey++,
        name: file.name,
        percent: 0,
        done: null,
        problem: null,
        canRetry: false,
        file,
        abort: new AbortController(),
      });
      void this.upload(this.items.at(-1)!);
    }
  }

  retry(item: Upload): void {
    item.problem = null;
    item.percent = 0;
    void this.upload(item);
  }

  remove(key: number): void {
    this.isOver = false;
    this.items.find((u) => u.key === key)?.abort.abort();
    this.items = this.items.filter((u) => u.key !== key);
  }

  clear(): void {
    this.isOver = false;
    this.items = [];
  }

  /** For nobody any more: what is still on its way stops. */
  drop(): void {
    for (const item of this.items) item.abort.abort();
    this.clear();
  }

  private async upload(item: Upload): Promise<void> {
    const { w, language } = this.widget;
    const { file } = item;
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
          signal: item.abort.signal,
        },
      );
    } catch (e) {
      const refused = e instanceof ApiProblem && !e.isTransient && e.status !== 401;
      item.canRetry = !refused;
      item.problem = w(refused ? 'fileRefused' : 'fileFailed', { name: file.name });
    }
  }
}

/** The one that waits, also while the composer is not in sight. */
export function uploadsOf(widget: Widget): Uploads {
  return (widget.uploads ??= new Uploads(widget));
}
