import { describe, expect, test } from 'vitest';
import { RowOffsets, fixedWindow, scrollToRow } from './virtual.js';

describe('rows of one height', () => {
  test('the window covers what is seen and a little more', () => {
    expect(fixedWindow(10_000, 50, 5000, 500, 2)).toEqual({ from: 98, to: 112 });
  });
  test('the window stays inside the list', () => {
    expect(fixedWindow(3, 50, 0, 500)).toEqual({ from: 0, to: 3 });
    expect(fixedWindow(0, 50, 0, 500)).toEqual({ from: 0, to: 0 });
    expect(fixedWindow(5, 50, 9999, 500)).toEqual({ from: 5, to: 5 });
  });
  test('scrolling to a row moves as little as needed', () => {
    expect(scrollToRow(0, 50, 200, 300)).toBe(0);
    expect(scrollToRow(5, 50, 200, 300)).toBe(200);
    expect(scrollToRow(20, 50, 200, 300)).toBe(750);
  });
});

describe('rows of different heights', () => {
  const keys = (n: number) => Array.from({ length: n }, (_, i) => `k${i}`);

  test('guesses hold until rows are measured', () => {
    const rows = new RowOffsets(() => 100);
    rows.setKeys(keys(10));
    expect(rows.total).toBe(1000);
    expect(rows.measured(2, 40)).toBe(true);
    expect(rows.measured(2, 40)).toBe(false);
    expect(rows.top(3)).toBe(240);
    expect(rows.total).toBe(940);
    expect(rows.at(239)).toBe(2);
    expect(rows.at(240)).toBe(3);
  });

  test('what was measured is kept when older rows come before it', () => {
    const rows = new RowOffsets(() => 100);
    rows.setKeys(['c', 'd']);
    rows.measured(0, 30);
    rows.setKeys(['a', 'b', 'c', 'd']);
    expect(rows.top(2)).toBe(200);
    expect(rows.top(3)).toBe(230);
  });

  test('offsets equal a plain sum under random changes', () => {
    let seed = 7;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const rows = new RowOffsets((i) => 50 + (i % 3));
    const heights = new Map<string, number>();
    let list = keys(50);
    rows.setKeys(list);
    for (let round = 0; round < 500; round++) {
      if (random() < 0.1) rows.setKeys((list = [`n${round}`, ...list]));
      const i = Math.floor(random() * list.length);
      const h = Math.floor(random() * 300);
      rows.measured(i, h);
      heights.set(
        list[i] ?? '',
        Math.abs((heights.get(list[i] ?? '') ?? -1) - h) < 0.5 ? (heights.get(list[i] ?? '') ?? 0) : h,
      );
      const sum = list.reduce((total, key, at) => total + (heights.get(key) ?? 50 + (at % 3)), 0);
      expect(rows.total).toBe(sum);
    }
  });
});
