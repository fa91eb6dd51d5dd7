/** Unsent messages of several tabs.
 *
 * Each tab keeps its own under a key of its own, and holds a Web Lock of that name as long as it lives: so two tabs never write over each other. What a tab leaves
 * behind (closed, reloaded, crashed) belongs to whoever gets its lock first. Should a message be taken over and sent twice all the same, its client_id makes the
 * second harmless. Without Web Locks (plain http) all tabs share one key; the last to write wins, as long as nobody can tell who lives. */
import type { OutboxStorage } from '@stablehand/core';

import type { Keep } from './keep.js';

export type Locks = Pick<LockManager, 'request'>;
const PREFIX = 'outbox/';

export class TabBox {
  readonly key: string;

  constructor(
    private readonly keep: Keep,
    private readonly scope: string,
    private readonly locks: Locks | undefined,
    tab: string,
  ) {
    this.key = PREFIX + (locks ? tab : 'shared');
    // Held until the tab is gone: the promise never settles.
    void locks?.request(this.lockName(this.key), () => new Promise(() => undefined)).catch(() => undefined);
  }

  get storage(): OutboxStorage {
    return {
      load: () => this.keep.get(this.key),
      save: (value) => this.keep.set(this.key, value === '[]' ? null : value),
    };
  }

  /** Hands over what tabs that are gone have left. `take` must have stored it when it returns. */
  async adopt(take: (kept: string) => void): Promise<void> {
    if (!this.locks) return;
    for (const key of this.keep.keys(PREFIX)) {
      if (key === this.key) continue;
      await this.locks.request(this.lockName(key), { ifAvailable: true }, (lock) => {
        const left = lock && this.keep.get(key);
        if (!left) return;
        take(left);
        this.keep.set(key, null);
      });
    }
  }

  /** Nobody's messages are left in this browser: the person signed out. */
  forgetAll(): void {
    for (const key of this.keep.keys(PREFIX)) this.keep.set(key, null);
  }

  private lockName(key: string): string {
    return `stablehand/${this.scope}/${key}`;
  }
}
