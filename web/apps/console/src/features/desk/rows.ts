/** What stands in a conversation's pane, top to bottom: messages in groups, days between them, and what is on its way. Pure. */
import type { OutboxEntry } from '@stablehand/core';
import { dayKey } from '@stablehand/core';
import type { Schema } from '@stablehand/api';
import type { Message } from './head.js';

export interface Outgoing {
  conversation_id: string;
  message: Schema['MessageWrite'];
  /** For the echo on the screen; not sent. */
  files: Schema['File'][];
}

export type Row =
  | { kind: 'day'; key: string; at: string }
  | { kind: 'unread'; key: string }
  | { kind: 'system'; key: string; message: Message }
  | { kind: 'rating'; key: string; rating: Rating }
  | { kind: 'message'; key: string; message: Message; isFirst: boolean; isLast: boolean }
  | { kind: 'outgoing'; key: string; entry: OutboxEntry<Outgoing>; isFirst: boolean };

export type Rating = NonNullable<Schema['Conversation']['rating']>;

const GROUP_MS = 4 * 60_000;

function sameGroup(a: Message, b: Message): boolean {
  return (
    a.kind === b.kind &&
    a.author.kind === b.author.kind &&
    a.author.id === b.author.id &&
    Date.parse(b.created_at) - Date.parse(a.created_at) < GROUP_MS
  );
}

export interface RowInput {
  messages: readonly Message[];
  outgoing: readonly OutboxEntry<Outgoing>[];
  /** Where the line "new" stands: after this seq. Null: nowhere. */
  unreadAfter: number | null;
  /** Stands where it was given. */
  rating?: Rating | null;
  zone?: string;
}

export function buildRows({ messages, outgoing, unreadAfter, rating = null, zone }: RowInput): Row[] {
  const rows: Row[] = [];
  let day = '';
  let before: Message | null = null;
  let last: Extract<Row, { kind: 'message' }> | null = null;
  let marked = unreadAfter === null;
  let rated: Row | null = rating && { kind: 'rating', key: `rating-${rating.at}`, rating };
  for (const message of messages) {
    if (rated && message.created_at > (rating?.at ?? '')) {
      rows.push(rated);
      rated = null;
      before = null;
    }
    const today = dayKey(message.created_at, zone);
    if (today !== day) {
      rows.push({ kind: 'day', key: `day-${today}`, at: message.created_at });
      day = today;
      before = null;
    }
    if (!marked && message.seq > (unreadAfter ?? 0) && message.author.kind === 'customer') {
      rows.push({ kind: 'unread', key: 'unread' });
      marked = true;
      before = null;
    }
    if (message.kind === 'system') {
      rows.push({ kind: 'system', key: message.id, message });
      before = null;
      continue;
    }
    const follows = before !== null && sameGroup(before, message);
    if (follows && last) last.isLast = false;
    last = { kind: 'message', key: message.id, message, isFirst: !follows, isLast: true };
    rows.push(last);
    before = message;
  }
  if (rated) rows.push(rated);
  const stored = new Set(messages.slice(-200).map((m) => m.client_id));
  outgoing
    .filter((entry) => !stored.has(entry.clientId))
    .forEach((entry, i) => rows.push({ kind: 'outgoing', key: entry.clientId, entry, isFirst: i === 0 }));
  return rows;
}

export type Delivery = 'sent' | 'delivered' | 'read';

/** How far an agent's public message has come. */
export function deliveryOf(
  message: Message,
  receipt: { customer_delivered_seq: number; customer_read_seq: number },
): Delivery {
  if (message.seq <= receipt.customer_read_seq) return 'read';
  return message.seq <= receipt.customer_delivered_seq ? 'delivered' : 'sent';
}

/** A guess at a row's height before it is on the screen; measuring corrects it. */
export function guessHeight(row: Row): number {
  if (row.kind === 'day' || row.kind === 'unread') return 44;
  if (row.kind === 'system' || row.kind === 'rating') return 34;
  const body = row.kind === 'message' ? row.message.body : (row.entry.payload.message.body ?? '');
  const files = row.kind === 'message' ? row.message.files : row.entry.payload.files;
  const wide = [...body].reduce((sum, c) => sum + (c > '\u2e80' ? 2 : 1), 0);
  const lines = Math.max(body ? 1 : 0, Math.ceil(wide / 68) + body.split('\n').length - 1);
  const pictures = files.reduce((sum, f) => sum + (f.is_image ? 190 : 56), 0);
  return 26 + lines * 21 + pictures + (row.isFirst ? 34 : 0);
}
