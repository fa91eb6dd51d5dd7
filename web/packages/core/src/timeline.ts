/** One conversation as a client holds it: messages by server sequence, plus the client's own that are not stored yet.
 *
 * Events may come twice (replay and live); what is held already is dropped. A page over HTTP may have been read before or after any event that is held: of two
 * states of one message the later one stays, whichever way it came. Pure: returns a new object when something changed, the same one otherwise. */
import type { Schema } from '@stablehand/api';

export type Message = Schema['Message'];
export type ConversationEvent = Schema['Event'];

export interface Timeline {
  conversationId: string | null;
  /** Ascending by seq, no holes inside what was loaded. */
  messages: readonly Message[];
  /** Highest event seq seen: the `have` of the next hello. */
  have: number;
  /** Older messages exist on the server. */
  hasOlder: boolean;
  /** Edited or deleted while not loaded, by id: a page that was read before the edit may still be on its way. */
  changed: ReadonlyMap<string, Message>;
}

const NOTHING_CHANGED: ReadonlyMap<string, Message> = new Map();

export function emptyTimeline(conversationId: string | null = null): Timeline {
  return { conversationId, messages: [], have: 0, hasOlder: false, changed: NOTHING_CHANGED };
}

function indexOfSeq(messages: readonly Message[], seq: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (messages[mid]!.seq < seq) low = mid + 1;
    else high = mid;
  }
  return low;
}

/** When a message last changed; times are ISO in UTC, which sort as text. A deletion is the last change of all. */
function changedAt(message: Message): string {
  return message.deleted_at ? `z${message.deleted_at}` : (message.edited_at ?? '');
}

/** Puts a message at its place; the same id replaces (an edit keeps its place). */
function placed(messages: readonly Message[], message: Message): readonly Message[] {
  const at = indexOfSeq(messages, message.seq);
  if (messages[at]?.id === message.id) return [...messages.slice(0, at), message, ...messages.slice(at + 1)];
  if (at === messages.length) return [...messages, message];
  return [...messages.slice(0, at), message, ...messages.slice(at)];
}

/** A page loaded over HTTP (newest first, as the server sends it). `lastSeq`: the conversation's last_seq, read before the page was. */
export function withPage(
  timeline: Timeline,
  page: readonly Message[],
  hasMore: boolean,
  lastSeq = 0,
): Timeline {
  const isFirst = timeline.messages.length === 0 && timeline.have === 0;
  let messages = timeline.messages;
  for (const got of page) {
    const held = messages[indexOfSeq(messages, got.seq)];
    const other = held?.id === got.id ? held : timeline.changed.get(got.id);
    const isLater = !other || changedAt(got) > changedAt(other);
    messages = placed(messages, isLater ? got : other);
  }
  const isOlderPage =
    timeline.messages.length === 0 || (page.length > 0 && page[0]!.seq < timeline.messages[0]!.seq);
  return {
    ...timeline,
    messages,
    // Later pages prove nothing about what is held already: an edit of it may still have to come.
    have: isFirst ? Math.max(lastSeq, messages.at(-1)?.seq ?? 0) : timeline.have,
    hasOlder: isOlderPage ? hasMore : timeline.hasOlder,
  };
}

function withChange(timeline: Timeline, message: Message): Partial<Timeline> {
  const held = timeline.messages[indexOfSeq(timeline.messages, message.seq)];
  const other = held?.id === message.id ? held : timeline.changed.get(message.id);
  if (other && changedAt(other) > changedAt(message)) return {};
  if (held?.id === message.id) return { messages: placed(timeline.messages, message) };
  return { changed: new Map(timeline.changed).set(message.id, message) };
}

/** Takes the next event. That none is missing in front of it is the caller's to know: customers do not get every number; for agents see Follower. */
export function withEvent(timeline: Timeline, event: ConversationEvent): Timeline {
  if (event.conversation_id !== timeline.conversationId || event.seq <= timeline.have) return timeline;
  const next = { ...timeline, have: event.seq };
  const message = event.data as unknown as Message;
  if (event.kind === 'message.created') {
    const known = timeline.changed.get(message.id);
    next.messages = placed(timeline.messages, known ?? message);
  } else if (event.kind === 'message.edited' || event.kind === 'message.deleted') {
    Object.assign(next, withChange(timeline, message));
  }
  return next;
}

/** The answer to this client's own edit or deletion, which may come before or after its event. */
export function withReplacement(timeline: Timeline, message: Message): Timeline {
  const change = withChange(timeline, message);
  return Object.keys(change).length === 0 ? timeline : { ...timeline, ...change };
}
