import { beforeEach, expect, test, vi } from 'vitest';

const GET = vi.hoisted(() => vi.fn());
vi.mock('../../shell/session.svelte.js', () => ({ session: { api: { GET } } }));

import { Misses } from './misses.svelte.js';

const answer = (ids: number[], next: string | null, total = 9) => ({
  data: {
    items: ids.map((id) => ({ id: String(id) })),
    counts: [{ language: 'en', slug: '', title: null, n: total }],
    total,
    next_cursor: next,
  },
  response: new Response(null, { status: 200 }),
});
const queries = () => GET.mock.calls.map(([, o]) => o.params.query);
const ids = (m: Misses) => m.items.map((x) => x.id).join(' ');

beforeEach(() => GET.mockReset());

test('pages follow each other, and the last one ends it', async () => {
  const misses = new Misses();
  GET.mockResolvedValueOnce(answer([9, 8], '8')).mockResolvedValueOnce(answer([7], null, 10));
  await misses.load();
  expect([ids(misses), misses.hasMore, misses.total]).toEqual(['9 8', true, 9]);
  await Promise.all([misses.more(), misses.more()]);
  expect([ids(misses), misses.hasMore, misses.total]).toEqual(['9 8 7', false, 10]);
  await misses.more();
  expect(queries()).toEqual([{ limit: 30 }, { limit: 30, cursor: '8' }]);
});

test('another language begins anew, and what was asked before it comes too late', async () => {
  const misses = new Misses();
  GET.mockResolvedValueOnce(answer([9], '9'));
  await misses.load();
  let late: (page: unknown) => void = () => undefined;
  GET.mockReturnValueOnce(new Promise((done) => (late = done))).mockResolvedValueOnce(answer([5], null));
  const slow = misses.more();
  await misses.load('zh-CN');
  late(answer([8], null));
  await slow;
  expect(ids(misses)).toBe('5');
  expect(queries().at(-1)).toEqual({ limit: 30, language: 'zh-CN' });
});

test('a further page that does not come leaves what is there, and can be asked for again', async () => {
  const misses = new Misses();
  GET.mockResolvedValueOnce(answer([9], '9')).mockRejectedValueOnce(new Error('cut'));
  await misses.load();
  await misses.more();
  expect([ids(misses), misses.phase, misses.further]).toEqual(['9', 'ready', 'failed']);
  GET.mockResolvedValueOnce(answer([8], null));
  await misses.more();
  expect([ids(misses), misses.further]).toEqual(['9 8', 'idle']);
});
