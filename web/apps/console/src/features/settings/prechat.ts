/** The form before the chat as the dialog holds it, and what is wrong with it before the server is asked. */
import type { Schema } from '@stablehand/api';

export type PreChat = Schema['PreChat'];
export interface TopicRow {
  key: number;
  topic: string;
  en: string;
  zh: string;
}
export interface PreChatForm {
  name: PreChat['name'];
  email: PreChat['email'];
  topics: TopicRow[];
}
/** By field, `topics.1.en`; the value is a key of the words and takes the topic's number. */
export type PreChatProblems = Record<
  string,
  'topic_word_missing' | 'topic_word_pattern' | 'topic_word_taken' | 'topic_en_missing' | 'topic_zh_missing'
>;

export const MAX_TOPICS = 8;
export const MAX_LABEL = 60;
const TOPIC = /^[a-z0-9_-]{1,60}$/;

export function toForm(stored: PreChat | undefined): PreChatForm {
  return {
    name: stored?.name ?? 'off',
    email: stored?.email ?? 'off',
    topics: (stored?.topics ?? []).map((t, key) => ({
      key,
      topic: t.topic,
      en: t.label.en,
      zh: t.label['zh-CN'],
    })),
  };
}

/** A row that nobody has filled in asks for nothing. */
const isEmpty = (row: TopicRow) => !row.topic.trim() && !row.en.trim() && !row.zh.trim();

export function fromForm(form: PreChatForm): PreChat {
  return {
    name: form.name,
    email: form.email,
    topics: form.topics
      .filter((row) => !isEmpty(row))
      .map((row) => ({ topic: row.topic.trim(), label: { en: row.en.trim(), 'zh-CN': row.zh.trim() } })),
  };
}

export function problemsOf(form: PreChatForm): PreChatProblems {
  const found: PreChatProblems = {};
  const seen = new Set<string>();
  form.topics.forEach((row, i) => {
    if (isEmpty(row)) return;
    const topic = row.topic.trim();
    if (!topic) found[`topics.${i}.topic`] = 'topic_word_missing';
    else if (!TOPIC.test(topic)) found[`topics.${i}.topic`] = 'topic_word_pattern';
    else if (seen.has(topic)) found[`topics.${i}.topic`] = 'topic_word_taken';
    seen.add(topic);
    if (!row.en.trim()) found[`topics.${i}.en`] = 'topic_en_missing';
    if (!row.zh.trim()) found[`topics.${i}.zh`] = 'topic_zh_missing';
  });
  return found;
}
