/** One conversation as a client holds it: messages by server sequence, plus the client's own that are not stored yet.
 *
 * Events may come twice (replay and live); what is held already is dropped. Pure: returns a new object when something changed, the same one otherwise. */
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
}

export function emptyTimeline(conversationId: string | null = null): Timeline {
  return { conversationId, messages: [], have: 0, hasOlder: false };
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

/** Puts a message at its place; the same id replaces (an edit keeps its place). */
function placed(messages: readonly Message[], message: Message): readonly Message[] {
  const at = indexOfSeq(messages, message.seq);
  if (messages[at]?.id === message.id) return messages.with(at, message);
  if (at === messages.length) return [...messages, message];
  return messages.toSpliced(at, 0, message);
}

/** A page loaded over HTTP (newest first, as the server sends it). `lastSeq`: the conversation's last_seq when it was loaded. */
export function withPage(
  timeline: Timeline,
  page: readonly Message[],
  hasMore: boolean,
  lastSeq = 0,
): Timeline {
  let messages = timeline.messages;
  for (const message of page) messages = placed(messages, message);
  const isOlderPage =
    timeline.messages.length === 0 || (page.length > 0 && page[0]!.seq < timeline.messages[0]!.seq);
  return {
    ...timeline,
    messages,
    have: Math.max(timeline.have, lastSeq, messages.at(-1)?.seq ?? 0),
    hasOlder: isOlderPage ? hasMore : timeline.hasOlder,
  };
}

export function withEvent(timeline: Timeline, event: ConversationEvent): Timeline {
  if (event.conversation_id !== timeline.conversationId || event.seq <= timeline.have) return timeline;
  const next = { ...timeline, have: event.seq };
  if (event.kind === 'message.created') {
    next.messages = placed(timeline.messages, event.data as unknown as Message);
  } else if (event.kind === 'message.edited' || event.kind === 'message.deleted') {
    const message = event.data as unknown as Message;
    const isLoaded = timeline.messages.some((m) => m.id === message.id);
    if (isLoaded) next.messages = placed(timeline.messages, message);
  }
  return next;
}
