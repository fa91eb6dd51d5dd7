import { expect, test } from 'vitest';
import { rank, score, type Command } from './commands.svelte.js';

test('whole beginnings beat words beat parts beat letters', () => {
  const points = ['resolve and next', 'and resolve', 'unresolved', 'read all over'].map((s) =>
    score(s, 'resol'),
  );
  expect(points[0]).toBeGreaterThan(points[1] ?? 0);
  expect(points[1]).toBeGreaterThan(points[2] ?? 0);
  expect(score('r e s o l', 'resol')).toBeGreaterThan(0);
  expect(score('inbox', 'resol')).toBe(0);
});

test('Chinese is found by part, and by its other name', () => {
  const command = (label: string, also = ''): Command => ({
    id: label,
    label,
    also,
    group: '',
    icon: '',
    run: () => undefined,
  });
  expect(rank([command('收件箱', 'inbox'), command('设置', 'settings')], '件').map((c) => c.id)).toEqual([
    '收件箱',
  ]);
  expect(rank([command('收件箱', 'inbox'), command('设置', 'settings')], 'sett').map((c) => c.id)).toEqual([
    '设置',
  ]);
});

test('without words everything stays in its order', () => {
  const all = ['b', 'a'].map((id): Command => ({ id, label: id, group: '', icon: '', run: () => undefined }));
  expect(rank(all, ' ').map((c) => c.id)).toEqual(['b', 'a']);
});
