import { expect, test } from 'vitest';
import { articleLang, asPhrasing, fromForm, PHRASING_MAX, toForm } from './form.js';

test('phrasings come without blanks and doubles, in their order', () => {
  const form = { ...toForm(null), title: ' T ', phrasings: ' b \n\na\nb\n  \n' };
  expect(fromForm(form)).toMatchObject({ title: 'T', phrasings: ['b', 'a'] });
});

test('a form made of what is stored changes nothing', () => {
  const stored = { title: 'T', summary: 'S', answer: 'A', body: 'line\n\n* x\n', phrasings: ['one', 'two'] };
  expect(fromForm(toForm(stored))).toEqual(stored);
});

test.each([
  ['  my coins\n\nare\tgone ', 'my coins are gone'],
  [`${'word '.repeat(39)}12345 more`, `${'word '.repeat(39)}12345`],
  [`${'word '.repeat(39)}123456 more`, 'word '.repeat(39).trim()],
  ['充'.repeat(250), '充'.repeat(200)],
  ['😀'.repeat(250), '😀'.repeat(200)],
])('a message becomes one phrasing', (text, phrasing) => {
  expect(asPhrasing(text)).toBe(phrasing);
  expect([...asPhrasing(text)].length).toBeLessThanOrEqual(PHRASING_MAX);
  expect(fromForm({ ...toForm(null), phrasings: phrasing }).phrasings).toEqual([phrasing]);
});

test.each([
  ['zh-CN', 'zh-CN'],
  ['zh', 'zh-CN'],
  ['en', 'en'],
  ['vi', 'en'],
])('%s is written in %s', (language, lang) => expect(articleLang(language)).toBe(lang));
