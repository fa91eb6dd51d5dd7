/** Times and sizes as people read them, in their language and zone. */
import type { Language } from './i18n.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/* Making a formatter costs a hundred times what using it does, and a long conversation asks a thousand times at once. A page lives in one zone: one that
 * the computer moves to meanwhile is told after the next load. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function dateFormat(
  name: string,
  language: string,
  zone: string | undefined,
  options: Intl.DateTimeFormatOptions,
) {
  const key = `${name} ${language} ${zone ?? ''}`;
  let found = formatters.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(language, { ...options, ...(zone && { timeZone: zone }) });
    formatters.set(key, found);
  }
  return found;
}

const numbers = new Map<string, Intl.NumberFormat>();

function inUnit(n: number, unit: string, language: Language): string {
  const key = `${unit} ${language}`;
  let found = numbers.get(key);
  if (!found) {
    found = new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'narrow' });
    numbers.set(key, found);
  }
  return found.format(n);
}

export function clockTime(at: string | number, language: Language, zone?: string): string {
  const options = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  return dateFormat('clock', language, zone, options).format(new Date(at));
}

export function fullTime(at: string | number, language: Language, zone?: string): string {
  const options = { dateStyle: 'medium', timeStyle: 'short' } as const;
  return dateFormat('full', language, zone, options).format(new Date(at));
}

/** "2026-11-22" in the zone: equal for two times of one day. */
export function dayKey(at: string | number, zone?: string): string {
  // By parts: how a locale writes a short date changes with the browser's data.
  const options = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
  const parts = dateFormat('day', 'en', zone, options).formatToParts(new Date(at));
  const part = (type: string) => parts.find((p) => p.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')}`;
}

/** Today, yesterday, or the date. */
export function dayName(at: string | number, now: number, language: Language): string {
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  for (const back of [0, 1]) {
    if (dayKey(at) === dayKey(now - back * DAY)) return relative.format(-back, 'day');
  }
  return dateFormat('day name', language, undefined, { dateStyle: 'full' }).format(new Date(at));
}

/** Short age for lists: now, 5m, 3h, 2d, then the date. */
export function age(at: string | number, now: number, language: Language): string {
  const ms = Math.max(0, now - new Date(at).getTime());
  const unit = (n: number, name: 'minute' | 'hour' | 'day') => inUnit(n, name, language);
  if (ms < MINUTE) return language === 'zh-CN' ? '刚刚' : 'now';
  if (ms < HOUR) return unit(Math.floor(ms / MINUTE), 'minute');
  if (ms < DAY) return unit(Math.floor(ms / HOUR), 'hour');
  if (ms < 7 * DAY) return unit(Math.floor(ms / DAY), 'day');
  return dateFormat('date', language, undefined, { month: 'short', day: 'numeric' }).format(new Date(at));
}

/** 4:07, or 1:02:09. */
export function stopwatch(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  return s < 3600
    ? `${Math.floor(s / 60)}:${two(s % 60)}`
    : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

export function byteSize(bytes: number, language: Language): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
  let value = bytes;
  let i = 0;
  while (value >= 1000 && i < units.length - 1) {
    value /= 1000;
    i++;
  }
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: units[i]!,
    unitDisplay: 'short',
    maximumFractionDigits: value < 10 && i > 0 ? 1 : 0,
  }).format(value);
}
