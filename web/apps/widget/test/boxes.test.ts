import { Outbox } from '@stablehand/core';
import { expect, it } from 'vitest';

import { TabBox, type Locks } from '../src/state/boxes.js';
import { makeKeep } from '../src/state/keep.js';

class FakeStorage implements Storage {
  private readonly map = new Map<string, string>();
  get length() {
    return this.map.size;
  }
  clear = () => this.map.clear();
  getItem = (k: string) => this.map.get(k) ?? null;
  key = (i: number) => [...this.map.keys()][i] ?? null;
  removeItem = (k: string) => void this.map.delete(k);
  setItem = (k: string, v: string) => void this.map.set(k, v);
}

/** Web Locks of one browser; `close` lets go of what a tab holds. */
function makeBrowser() {
  const held = new Map<string, number>();
  let tab = 0;
  return {
    storage: new FakeStorage(),
    close: (n: number) => {
      for (const [name, owner] of held) if (owner === n) held.delete(name);
    },
    locks: (): Locks => {
      const me = ++tab;
      const request = async (name: string, a: unknown, b?: (lock: Lock | null) => unknown) => {
        const callback = (b ?? a) as (lock: Lock | null) => unknown;
        const isFree = !held.has(name);
        if (!isFree) return callback(null);
        held.set(name, me);
        await callback({ name, mode: 'exclusive' });
        if (held.get(name) === me) held.delete(name);
      };
      return { request } as unknown as Locks;
    },
  };
}

function open(browser: ReturnType<typeof makeBrowser>, name: string) {
  const keep = makeKeep('inbox', browser.storage);
  const box = new TabBox(keep, 'inbox', browser.locks(), name);
  const sent: string[] = [];
  const world = { line: false };
  const outbox = new Outbox<string>({
    storage: box.storage,
    transmit: (id) => world.line && sent.push(id) > 0,
    onChange: () => undefined,
    now: () => 1,
  });
  return { box, outbox, sent, world, keep };
}

it('a tab leaves living tabs alone and takes over what a closed one left', async () => {
  const browser = makeBrowser();
  const one = open(browser, 'one');
  const two = open(browser, 'two');
  one.outbox.add('a', 'from one');
  two.outbox.add('b', 'from two');
  await two.box.adopt((kept) => two.outbox.adopt(kept));
  expect(two.outbox.pending.map((e) => e.clientId)).toEqual(['b']);
  browser.close(1);
  await two.box.adopt((kept) => two.outbox.adopt(kept));
  await two.box.adopt((kept) => two.outbox.adopt(kept));
  expect(two.outbox.pending.map((e) => e.clientId)).toEqual(['b', 'a']);
  expect(two.keep.keys('outbox/')).toEqual(['outbox/two']);
});

it('after a reload the message is there again, and is sent once', async () => {
  const browser = makeBrowser();
  open(browser, 'before').outbox.add('a', 'hello');
  browser.close(1);
  const after = open(browser, 'after');
  after.world.line = true;
  await after.box.adopt((kept) => after.outbox.adopt(kept));
  after.outbox.acknowledged('a');
  await after.box.adopt((kept) => after.outbox.adopt(kept));
  expect(after.sent).toEqual(['a']);
  expect(after.keep.keys('outbox/')).toEqual([]);
});

it('without storage and locks it still works, in memory', async () => {
  const keep = makeKeep('inbox', null);
  const box = new TabBox(keep, 'inbox', undefined, 'x');
  box.storage.save('[{"clientId":"a"}]');
  expect(box.storage.load()).toContain('"a"');
  await box.adopt(() => expect.unreachable());
  box.forgetAll();
  expect(box.storage.load()).toBe(null);
});
