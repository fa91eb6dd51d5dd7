import { describe, expect, it } from 'vitest';

import { Outbox, type OutboxEntry } from '../src/outbox.js';

function setUp(kept: string | null = null) {
  const world = {
    line: false,
    sent: [] as string[],
    store: kept,
    now: 1000,
    timers: [] as { fn: () => void; ms: number }[],
    shown: [] as readonly OutboxEntry<string>[],
  };
  const outbox = new Outbox<string>({
    storage: { load: () => world.store, save: (value) => (world.store = value) },
    transmit: (clientId) => {
      if (world.line) world.sent.push(clientId);
      return world.line;
    },
    onChange: (entries) => (world.shown = entries),
    now: () => world.now,
    later: (fn, ms) => world.timers.push({ fn, ms }),
  });
  return { world, outbox };
}

describe('outbox', () => {
  it('keeps messages without a line and sends them in order when it is live', () => {
    const { world, outbox } = setUp();
    outbox.add('a', 'one');
    outbox.add('b', 'two');
    expect(world.sent).toEqual([]);
    world.line = true;
    outbox.lineIsLive();
    expect(world.sent).toEqual(['a', 'b']);
  });

  it('sends what was not acknowledged again on a new line, and only that', () => {
    const { world, outbox } = setUp();
    world.line = true;
    outbox.add('a', 'one');
    outbox.add('b', 'two');
    outbox.acknowledged('a');
    outbox.lineIsLive();
    expect(world.sent).toEqual(['a', 'b', 'b']);
    expect(outbox.pending.map((e) => e.clientId)).toEqual(['b']);
  });

  it('survives a reload', () => {
    const first = setUp();
    first.outbox.add('a', 'one');
    const second = setUp(first.world.store);
    second.world.line = true;
    second.outbox.lineIsLive();
    expect(second.world.sent).toEqual(['a']);
  });

  it('a broken store is an empty outbox', () => {
    expect(setUp('{oops').outbox.pending).toEqual([]);
  });

  it('sends what the server could not take now again within a second, in order', () => {
    const { world, outbox } = setUp();
    world.line = true;
    outbox.add('a', 'one');
    outbox.add('b', 'two');
    for (const id of ['b', 'a']) outbox.refused(id, { code: 'unavailable', message: '' }, true);
    outbox.tick();
    expect(world.sent).toEqual(['a', 'b']);
    expect(world.timers.map((t) => t.ms <= 1000)).toEqual([true]);
    world.timers.pop()!.fn();
    expect(world.sent).toEqual(['a', 'b', 'a', 'b']);
    outbox.refused('a', { code: 'unavailable', message: '' }, true);
    outbox.acknowledged('a');
    world.timers.pop()!.fn();
    expect(world.sent).toEqual(['a', 'b', 'a', 'b']);
  });

  it('asks again when an acknowledgement got lost', () => {
    const { world, outbox } = setUp();
    world.line = true;
    outbox.add('a', 'one');
    world.now += 9_000;
    outbox.tick();
    expect(world.sent).toEqual(['a']);
    world.now += 2_000;
    outbox.tick();
    expect(world.sent).toEqual(['a', 'a']);
  });

  it('a final refusal waits for the person and does not block the next', () => {
    const { world, outbox } = setUp();
    world.line = true;
    outbox.add('a', 'one');
    outbox.refused('a', { code: 'too_long', message: 'Too long' }, false);
    outbox.add('b', 'two');
    outbox.lineIsLive();
    expect(world.sent).toEqual(['a', 'b', 'b']);
    expect(world.shown[0]?.state).toBe('failed');
    outbox.retry('a', 'shorter');
    expect(world.sent.at(-1)).toBe('a');
    expect(outbox.pending[0]).toEqual({
      clientId: 'a',
      payload: 'shorter',
      createdAt: 1000,
      state: 'sending',
    });
  });

  it('a refusal that may pass keeps sending', () => {
    const { world, outbox } = setUp();
    world.line = true;
    outbox.add('a', 'one');
    outbox.refused('a', { code: 'busy', message: 'Busy' }, true);
    world.now += 20_000;
    outbox.tick();
    expect(world.sent).toEqual(['a', 'a']);
  });

  it('takes over what another tab left, in the order it was written, each once', () => {
    const { world, outbox } = setUp();
    world.now = 2000;
    outbox.add('b', 'two');
    const left = [
      { clientId: 'a', payload: 'one', createdAt: 1500, state: 'sending' },
      { clientId: 'b', payload: 'two', createdAt: 2000, state: 'sending' },
    ];
    world.line = true;
    outbox.adopt(JSON.stringify(left));
    expect(world.shown.map((e) => e.clientId)).toEqual(['a', 'b']);
    expect(world.sent).toEqual(['a', 'b']);
    outbox.adopt(JSON.stringify(left));
    outbox.adopt('not json');
    outbox.adopt('[{"clientId":7}, null]');
    expect(world.sent).toEqual(['a', 'b']);
    expect(JSON.parse(world.store!)).toHaveLength(2);
  });

  it('forgets everything for another person', () => {
    const { world, outbox } = setUp();
    outbox.add('a', 'one');
    outbox.clear();
    expect(outbox.pending).toEqual([]);
    expect(world.store).toBe('[]');
  });
});
