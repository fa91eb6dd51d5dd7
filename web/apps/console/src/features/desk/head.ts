/** The head of a conversation (what the list shows) and how events change it. Pure: this is the reducer of the list. */
import type { Schema } from '@stablehand/api';
import type { View } from '../../shell/routes.js';

export type Conversation = Schema['Conversation'];
export type Message = Schema['Message'];

const PREVIEW = 200;

function plain(body: string): string {
  return body
    .replace(/[*`>#]+/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, PREVIEW);
}

function preview(message: Message): string {
  return plain(message.body) || message.files[0]?.name || '';
}

/** A message alone sends no `conversation.updated`; these are the rules by which the head follows it. */
export function withMessage(head: Conversation, message: Message): Conversation {
  if (message.seq <= head.last_seq) return head;
  const next: Conversation = { ...head, last_seq: message.seq };
  if (message.kind !== 'public') return next;
  next.updated_at = message.created_at;
  next.last_message = {
    preview: preview(message),
    author_kind: message.author.kind,
    kind: message.kind,
    at: message.created_at,
  };
  if (message.author.kind === 'customer') {
    next.waiting_since = head.waiting_since ?? message.created_at;
    next.unread = head.unread + 1;
  } else if (message.author.kind === 'agent') {
    next.waiting_since = null;
  }
  return next;
}

export interface Receipt {
  customer_read_seq: number;
  customer_delivered_seq: number;
  agent_read_seq: number;
}

export function withReceipt(head: Conversation, receipt: Receipt): Conversation {
  return {
    ...head,
    customer_read_seq: Math.max(head.customer_read_seq, receipt.customer_read_seq),
    customer_delivered_seq: Math.max(head.customer_delivered_seq, receipt.customer_delivered_seq),
    agent_read_seq: Math.max(head.agent_read_seq, receipt.agent_read_seq),
    unread: receipt.agent_read_seq >= head.last_seq ? 0 : head.unread,
  };
}

/** The later of two heads of one conversation; a page that was asked for earlier may come after an event. */
export function newer(held: Conversation | undefined, got: Conversation): Conversation {
  if (!held) return got;
  if (got.version < held.version || (got.version === held.version && got.last_seq < held.last_seq))
    return held;
  return got;
}

/** Does it belong in this view of this agent? Must say what the server's queries say. `mentions` only the server knows. */
export function belongs(view: View, head: Conversation, me: string): boolean {
  const running = head.state === 'open' || head.state === 'waiting';
  switch (view) {
    case 'mine':
      return running && head.assignee_id === me;
    case 'unassigned':
      return running && head.handler === 'queue';
    case 'all':
      return running;
    case 'bot':
      return running && head.handler === 'bot';
    case 'snoozed':
      return head.state === 'snoozed';
    case 'resolved':
      return head.state === 'resolved';
    case 'mentions':
      return false;
  }
}

export type Sort = 'recent' | 'waiting';

/** Order of the list: the newest first, or who has waited longest first and those who do not wait at the end. */
export function compare(sort: Sort): (a: Conversation, b: Conversation) => number {
  const later = (x: string, y: string) => (x < y ? 1 : x > y ? -1 : 0);
  const byId = (a: Conversation, b: Conversation) => b.id.length - a.id.length || later(a.id, b.id);
  if (sort === 'recent') return (a, b) => later(a.updated_at, b.updated_at) || byId(a, b);
  return (a, b) => {
    if (a.waiting_since && b.waiting_since) return later(b.waiting_since, a.waiting_since) || byId(a, b);
    if (a.waiting_since || b.waiting_since) return a.waiting_since ? -1 : 1;
    return later(a.updated_at, b.updated_at) || byId(a, b);
  };
}

/** Takes `id` out and puts it where it belongs now. `isWhole`: nothing more on the server, so that something may stand at the very end. */
export function replaced(
  ids: readonly string[],
  head: Conversation,
  keep: boolean,
  get: (id: string) => Conversation | undefined,
  order: (a: Conversation, b: Conversation) => number,
  isWhole: boolean,
): readonly string[] {
  const was = ids.indexOf(head.id);
  if (was < 0 && !keep) return ids;
  const rest = ids.filter((_, i) => i !== was);
  if (!keep) return rest;
  let low = 0;
  let high = rest.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    const other = get(rest[mid] ?? '');
    if (other && order(other, head) < 0) low = mid + 1;
    else high = mid;
  }
  if (low === was) return ids;
  if (low === rest.length && !isWhole && was < 0) return rest;
  return [...rest.slice(0, low), head.id, ...rest.slice(low)];
}
