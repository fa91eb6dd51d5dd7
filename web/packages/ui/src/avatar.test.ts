import { expect, test } from 'vitest';
import { hueOf, initials } from './avatar.js';

test.each([
  ['Ada Lovelace', 'AL'],
  ['ada', 'A'],
  ['  ', '?'],
  ['王小明', '小明'],
  ['李 四', '李四'],
  ['mei.lin@example.com', 'MC'],
])('initials of %j are %j', (name, expected) => {
  expect(initials(name)).toBe(expected);
});

test('a hue is stable and in range', () => {
  expect(hueOf('42')).toBe(hueOf('42'));
  for (let i = 0; i < 100; i++) expect(hueOf(String(i))).toBeLessThan(8);
  expect(new Set(Array.from({ length: 50 }, (_, i) => hueOf(String(i)))).size).toBeGreaterThan(4);
});
