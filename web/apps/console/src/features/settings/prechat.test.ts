import { expect, test } from 'vitest';
import { fromForm, problemsOf, toForm, type PreChat } from './prechat.js';

const stored: PreChat = {
  name: 'optional',
  email: 'required',
  topics: [
    { topic: 'card', label: { en: 'Card', 'zh-CN': '银行卡' } },
    { topic: 'p2p_trade', label: { en: 'P2P', 'zh-CN': '点对点' } },
  ],
};
const row = (key: number, topic: string, en: string, zh: string) => ({ key, topic, en, zh });
const withRows = (...topics: ReturnType<typeof row>[]) => ({ ...toForm(stored), topics });

test('a form made of what is stored changes nothing, and has nothing wrong', () => {
  expect(fromForm(toForm(stored))).toEqual(stored);
  expect(problemsOf(toForm(stored))).toEqual({});
});

test('a new inbox asks for nothing', () => {
  expect(fromForm(toForm(undefined))).toEqual({ name: 'off', email: 'off', topics: [] });
});

test('blanks around are left away, and rows that nobody filled in', () => {
  const form = withRows(row(0, '  ', '', ' '), row(1, ' card ', ' Card', '银行卡 '));
  expect(problemsOf(form)).toEqual({});
  expect(fromForm(form).topics).toEqual([{ topic: 'card', label: { en: 'Card', 'zh-CN': '银行卡' } }]);
});

test('each field that is wrong is named', () => {
  const form = withRows(
    row(0, 'card', 'Card', ''),
    row(1, '', 'No word', '无'),
    row(2, 'Big Words', '', '大'),
    row(3, 'card', 'Again', '又'),
    row(4, 'x'.repeat(61), 'Long', '长'),
  );
  expect(problemsOf(form)).toEqual({
    'topics.0.zh': 'topic_zh_missing',
    'topics.1.topic': 'topic_word_missing',
    'topics.2.topic': 'topic_word_pattern',
    'topics.2.en': 'topic_en_missing',
    'topics.3.topic': 'topic_word_taken',
    'topics.4.topic': 'topic_word_pattern',
  });
});
