import { describe, expect, test } from 'vitest';
import { complete, fillVariables, mentionsIn, triggerAt } from './suggest.js';

describe('triggers', () => {
  test.each([
    ['/', false, { kind: 'canned', query: '', from: 0 }],
    ['Hello /gre', false, { kind: 'canned', query: 'gre', from: 6 }],
    ['／你好', false, { kind: 'canned', query: '你好', from: 0 }],
    ['https://x', false, null],
    ['1/2', false, null],
    ['@mei', true, { kind: 'mention', query: 'mei', from: 0 }],
    ['@mei', false, null],
    ['a@b.c', true, null],
    ['See ??wrong net', false, { kind: 'article', query: 'wrong net', from: 4 }],
    ['？？提现', false, { kind: 'article', query: '提现', from: 0 }],
    ['Really?', false, null],
    ['What???', false, null],
    ['/a b', false, null],
  ])('%j (note: %j)', (text, isNote, expected) => {
    expect(triggerAt(text, text.length, isNote)).toEqual(expected);
  });

  test('only what stands before the caret counts', () => {
    expect(triggerAt('/abc', 2, false)).toEqual({ kind: 'canned', query: 'a', from: 0 });
  });

  test('completing keeps what stands behind the caret', () => {
    const text = 'Dear /gr!';
    const trigger = triggerAt(text, 8, false);
    expect(trigger && complete(text, 8, trigger, 'customer')).toEqual({ text: 'Dear customer!', caret: 13 });
  });
});

test('the longer name is the one that was mentioned', () => {
  const people = [
    { id: '1', name: 'Ann' },
    { id: '2', name: 'Ann Lee' },
    { id: '3', name: '王芳' },
  ];
  expect(mentionsIn('@Ann Lee please', people)).toEqual(['2']);
  expect(mentionsIn('@Ann and @Ann Lee, @王芳', people).sort()).toEqual(['1', '2', '3']);
  expect(mentionsIn('Ann', people)).toEqual([]);
});

test('variables are filled, fall back, or stay to be seen', () => {
  const values = { 'customer.name': 'Mei', 'agent.name': '' };
  expect(fillVariables('Hi {{customer.name}}, {{ agent.name | the team }} {{nope}}', values)).toBe(
    'Hi Mei, the team {{nope}}',
  );
});
