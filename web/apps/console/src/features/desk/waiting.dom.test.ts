import { afterEach, expect, test } from 'vitest';
import { locale } from '../../shell/locale.svelte.js';
import { waitingText } from './waiting.js';

const NOW = Date.parse('2026-03-20T12:00:00Z');
const since = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();
afterEach(() => (locale.language = 'en'));

test.each([
  ['en', 0.5, 'has just begun to wait'],
  ['en', -1, 'has just begun to wait'],
  ['en', 5, 'waiting 5m'],
  ['en', 8 * 24 * 60, 'waiting since Mar 12'],
  ['zh-CN', 0.5, '刚开始等待'],
  ['zh-CN', 5, '已等待 5分钟'],
  ['zh-CN', 8 * 24 * 60, '自3月12日起等待'],
] as const)('%s, %d minutes: %s', (language, minutes, text) => {
  locale.language = language;
  expect(waitingText(since(minutes), NOW)).toBe(text);
});
