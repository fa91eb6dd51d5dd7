import { expect, test } from 'vitest';
import { fromForm, toForm } from './form.js';

test('phrasings come without blanks and doubles, in their order', () => {
  const form = { ...toForm(null), title: ' T ', phrasings: ' b \n\na\nb\n  \n' };
  expect(fromForm(form)).toMatchObject({ title: 'T', phrasings: ['b', 'a'] });
});

test('a form made of what is stored changes nothing', () => {
  const stored = { title: 'T', summary: 'S', answer: 'A', body: 'line\n\n* x\n', phrasings: ['one', 'two'] };
  expect(fromForm(toForm(stored))).toEqual(stored);
});
