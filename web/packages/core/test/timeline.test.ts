import { describe, expect, it } from 'vitest';

import { emptyTimeline, withEvent, withPage, type ConversationEvent, type Message } from '../src/timeline.js';

function message(seq: number, body = `m${seq}`): Message {
  return {
    id: String(seq),
    conversation_id: '7',
    seq,
    client_id: null,
    author: { kind: 'customer', id: '1', name: 'Li' },
    kind: 'public',
    body,
    reply_to: null,
    files: [],
    mentions: [],
    meta: null,
    created_at: '2026-01-01T00:00:00.000Z',
    edited_at: null,
    deleted_at: null,
  };
}

function created(seq: number): ConversationEvent {
  return {
    id: String(seq),
    conversation_id: '7',
    seq,
    kind: 'message.created',
    at: '2026-01-01T00:00:00.000Z',
    data: message(seq),
  };
}

const seqs = (t: { messages: readonly Message[] }) => t.messages.map((m) => m.seq);

describe('timeline', () => {
  it('drops what it has already, from replay and live alike', () => {
    let t = emptyTimeline('7');
    for (const seq of [1, 2, 2, 1, 3]) t = withEvent(t, created(seq));
    expect(seqs(t)).toEqual([1, 2, 3]);
    expect(t.have).toBe(3);
    expect(withEvent(t, created(3))).toBe(t);
  });

  it('ignores other conversations', () => {
    const t = emptyTimeline('8');
    expect(withEvent(t, created(1))).toBe(t);
  });

  it('counts events that show nothing, so that they are not asked for again', () => {
    const t = withEvent(emptyTimeline('7'), { ...created(4), kind: 'conversation.updated', data: {} });
    expect(t.have).toBe(4);
    expect(t.messages).toEqual([]);
  });

  it('puts an older page in front and keeps the newest flag of that end', () => {
    let t = withPage(emptyTimeline('7'), [message(9), message(8)], true, 9);
    t = withPage(t, [message(5), message(4)], false);
    expect(seqs(t)).toEqual([4, 5, 8, 9]);
    expect(t.hasOlder).toBe(false);
    expect(t.have).toBe(9);
  });

  it('an edit keeps its place; an edit of something not loaded changes no message', () => {
    let t = withPage(emptyTimeline('7'), [message(2), message(1)], false, 2);
    t = withEvent(t, { ...created(3), kind: 'message.edited', data: message(1, 'better') });
    expect(t.messages.map((m) => m.body)).toEqual(['better', 'm2']);
    t = withEvent(t, { ...created(4), kind: 'message.deleted', data: { ...message(99), id: '99' } });
    expect(t.messages.length).toBe(2);
    expect(t.have).toBe(4);
  });
});
