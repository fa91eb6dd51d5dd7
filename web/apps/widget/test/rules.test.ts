import { describe, expect, it } from 'vitest';

import { accentInk, accentRoles, contrast } from '../src/state/accent.js';
import { sendsMessage } from '../src/state/composing.js';
import { problemWordOf } from '../src/state/problems.js';
import { plainPreview } from '../src/state/widget.svelte.js';
import { en } from '../src/words/en.js';
import { loadWords, systemLine, word } from '../src/words/index.js';
import { zh } from '../src/words/zh.js';

const key = (over: Partial<KeyboardEvent>) => ({
  key: 'Enter',
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  isComposing: false,
  keyCode: 13,
  ...over,
});

describe('Enter', () => {
  it.each([
    ['alone sends', {}, true],
    ['with Ctrl sends', { ctrlKey: true }, true],
    ['with Shift makes a line', { shiftKey: true }, false],
    ['while an input method composes accepts a candidate', { isComposing: true }, false],
    ['of Safari at the end of composition', { keyCode: 229 }, false],
    ['is not another key', { key: 'a', keyCode: 65 }, false],
  ])('%s', (_, over, sends) => {
    expect(sendsMessage(key(over))).toBe(sends);
  });
});

describe('accent', () => {
  const colours = ['#0f766e', '#1f5bd8', '#f5b301', '#ffffff', '#000000', '#ff2d55', '#9be15d', '#7f7f7f'];

  it('takes the ink that reads better', () => {
    expect(accentInk('#0f766e')).toBe('#ffffff');
    expect(accentInk('#f5b301')).toBe('#101828');
  });

  it.each(colours)('%s reads everywhere, light and dark', (hex) => {
    for (const isDark of [false, true]) {
      const r = accentRoles(hex, isDark);
      const surface = isDark ? '#12161d' : '#ffffff';
      expect(contrast(r['--accent']!, surface)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(r['--accent-soft-ink']!, r['--accent-soft']!)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(r['--accent-ink']!, r['--accent']!)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(isDark ? '#e7ebf2' : '#161b24', r['--bubble-out']!)).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('is not led astray by something that is no colour', () => {
    expect(accentRoles('url(evil)', false)['--brand']).toBe('#1f5bd8');
  });
});

describe('words', () => {
  it('has the same system lines in both languages, and one for every event that customers see', async () => {
    expect(Object.keys(zh.system).sort()).toEqual(Object.keys(en.system).sort());
    await loadWords('en');
    for (const event of [
      'handover',
      'assigned',
      'queued',
      'resolved',
      'reopened',
      'ended',
      'snoozed',
      'woken',
    ]) {
      expect(systemLine('en', event, { name: 'Wei' })).toBeTruthy();
    }
    expect(systemLine('en', 'assigned', { name: 'Wei' })).toBe('Wei has joined the chat.');
    expect(systemLine('en', 'something_new')).toBe(null);
  });

  it('keeps the placeholders in every translation', () => {
    const names = (text: string) => [...text.matchAll(/\{(\w+)[,}]/g)].map((m) => m[1]).sort();
    for (const [name, text] of Object.entries(en)) {
      if (typeof text === 'string') expect([name, names(zh[name as 'title'])]).toEqual([name, names(text)]);
    }
  });

  it('fills in names', async () => {
    await loadWords('zh-CN');
    expect(word('zh-CN', 'title', { brand: '诺瓦' })).toBe('诺瓦 客服');
  });
});

it('a preview has no marks of formatting and fits in a bubble', () => {
  expect(plainPreview('**Hi**\n\n1. see [the guide](https://x.example/a)\n> `code`')).toBe(
    'Hi 1. see the guide code',
  );
  expect(plainPreview('x'.repeat(500))).toHaveLength(160);
});

it('problems have words by status, not the text of the server', () => {
  expect(problemWordOf(0, 'offline')).toBe('errorOffline');
  expect(problemWordOf(429, 'rate')).toBe('errorTooFast');
  expect(problemWordOf(413, 'body')).toBe('errorTooLong');
  expect(problemWordOf(422, 'invalid')).toBe('errorRefused');
  expect(problemWordOf(503, 'busy')).toBe('errorServer');
});
