import { expect, test } from 'vitest';
import { inHours, localInput, nextMonday, tomorrowMorning } from './snooze.js';

const local = (y: number, m: number, d: number, h = 0, min = 0) => new Date(y, m - 1, d, h, min).getTime();

test('tomorrow is the next day at nine, over the end of a month too', () => {
  expect(localInput(tomorrowMorning(local(2026, 1, 31, 23, 59)))).toBe('2026-02-01T09:00');
});

test.each([
  [local(2026, 11, 22, 12), '2026-11-23T09:00'], // a Sunday
  [local(2026, 11, 23, 8), '2026-11-30T09:00'], // a Monday: the next one
  [local(2026, 11, 28, 8), '2026-11-30T09:00'],
])('next Monday from %s', (now, expected) => {
  expect(localInput(nextMonday(now))).toBe(expected);
});

test('hours are hours', () => {
  expect(inHours(0, 3).getTime()).toBe(10_800_000);
});
