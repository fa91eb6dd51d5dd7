import { describe, expect, it, vi } from 'vitest';

import { age, byteSize, dayKey, dayName, format, pickLanguage, stopwatch } from '../src/index.js';

describe('words', () => {
  it('fills params and leaves unknown ones visible', () => {
    expect(format('en', 'Hello {name}, {what}', { name: 'Li' })).toBe('Hello Li, {what}');
  });

  it('has plurals by language', () => {
    const template = '{n, one {# file} other {# files}}';
    expect(format('en', template, { n: 1 })).toBe('1 file');
    expect(format('en', template, { n: 1200 })).toBe('1,200 files');
    expect(format('zh-CN', '{n, other {# 个文件}}', { n: 1 })).toBe('1 个文件');
  });

  it('picks the nearest language', () => {
    expect(pickLanguage(['de', 'zh-TW', 'en'])).toBe('zh-CN');
    expect(pickLanguage(['de'])).toBe('en');
  });
});

describe('times and sizes', () => {
  const now = Date.parse('2026-03-02T12:00:00Z');
  it.each([
    [10_000, 'now', '刚刚'],
    [5 * 60_000, '5m', '5分钟'],
    [3 * 3_600_000, '3h', '3小时'],
  ])('age of %i ms', (ms, en, zh) => {
    expect(age(now - ms, now, 'en')).toBe(en);
    expect(age(now - ms, now, 'zh-CN')).toBe(zh);
  });

  it('names days', () => {
    expect(dayName(now, now, 'en')).toBe('today');
    expect(dayName(now - 86_400_000, now, 'zh-CN')).toBe('昨天');
  });

  it('shows spans and sizes', () => {
    expect(stopwatch(247)).toBe('4:07');
    expect(stopwatch(3729)).toBe('1:02:09');
    expect(byteSize(1_540_000, 'en')).toBe('1.5 MB');
    expect(byteSize(999, 'en')).toBe('999 byte');
  });
});

it('a thousand days are told with one formatter', () => {
  const Original = Intl.DateTimeFormat;
  let made = 0;
  class Counted extends Original {
    constructor(...args: ConstructorParameters<typeof Intl.DateTimeFormat>) {
      super(...args);
      made++;
    }
  }
  vi.stubGlobal('Intl', Object.assign(Object.create(Intl), { DateTimeFormat: Counted }));
  try {
    for (let i = 0; i < 1000; i++) dayKey(i * 86_400_000, 'Asia/Seoul');
  } finally {
    vi.unstubAllGlobals();
  }
  expect(made).toBe(1);
  expect(dayKey('2026-01-01T20:00:00Z', 'Asia/Tokyo')).toBe('2026-01-02');
  expect(dayKey('2026-01-01T20:00:00Z', 'America/New_York')).toBe('2026-01-01');
});
