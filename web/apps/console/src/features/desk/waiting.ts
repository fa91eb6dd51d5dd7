import { age } from '@stablehand/core';
import { locale } from '../../shell/locale.svelte.js';
import { t } from './words.js';

const MINUTE = 60_000;
const DATES_FROM = 7 * 24 * 60 * MINUTE;

/** How long somebody has been waiting, as a phrase: an age alone is "now" at first and a date after a week, and neither goes with "waiting". */
export function waitingText(since: string, now: number): string {
  const ms = now - Date.parse(since);
  if (ms < MINUTE) return t('waiting_now');
  const text = age(since, now, locale.language);
  return ms < DATES_FROM ? t('waiting_for', { age: text }) : t('waiting_since', { date: text });
}
