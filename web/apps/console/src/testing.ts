/** Whole objects for tests, from the few fields that matter there. */
import type { Schema } from '@stablehand/api';

type Conversation = Schema['Conversation'];
type Message = Schema['Message'];

export function customer(over: Partial<Schema['Customer']> = {}): Schema['Customer'] {
  return {
    id: '1',
    uid: null,
    name: 'Mei Lin',
    email: '',
    tier: '',
    locale: 'en',
    zone: 'Asia/Shanghai',
    is_verified: false,
    notes: '',
    fields: {},
    created_at: '2026-01-01T08:00:00.000Z',
    last_seen_at: null,
    version: 1,
    ...over,
  };
}

export function conversation(over: Partial<Conversation> = {}): Conversation {
  return {
    id: '1',
    inbox_id: '1',
    customer: customer(),
    state: 'open',
    handler: 'queue',
    priority: 'normal',
    topic: '',
    language: 'en',
    tags: [],
    assignee_id: null,
    assignee_name: null,
    team_id: null,
    created_at: '2026-01-01T08:00:00.000Z',
    updated_at: '2026-01-01T08:00:00.000Z',
    waiting_since: null,
    snoozed_until: null,
    resolved_at: null,
    last_message: null,
    last_seq: 0,
    unread: 0,
    customer_read_seq: 0,
    customer_delivered_seq: 0,
    agent_read_seq: 0,
    rating: null,
    version: 1,
    ...over,
  };
}

interface Brief extends Partial<Omit<Message, 'author'>> {
  author?: 'customer' | 'agent' | 'bot' | 'system';
  by?: string;
  at?: string;
}

export function message({ author = 'customer', by = '1', at, ...over }: Brief = {}): Message {
  return {
    id: String(over.seq ?? 1),
    conversation_id: '1',
    seq: 1,
    client_id: null,
    author: {
      kind: author,
      id: author === 'agent' || author === 'customer' ? by : null,
      name: `${author} ${by}`,
    },
    kind: author === 'system' ? 'system' : 'public',
    body: 'Hello',
    reply_to: null,
    files: [],
    mentions: [],
    meta: null,
    created_at: at ?? '2026-01-01T10:00:00.000Z',
    edited_at: null,
    deleted_at: null,
    ...over,
  };
}
