import { beforeEach, expect, test, vi } from 'vitest';
import { conversation, message } from '../../testing.js';

const GET = vi.hoisted(() => vi.fn());
const send = vi.hoisted(() => vi.fn(() => true));
vi.mock('../../shell/session.svelte.js', () => ({ session: { api: { GET }, agentId: '7', me: null } }));
vi.mock('../../shell/line.svelte.js', () => ({ line: { send, on: () => () => undefined, status: 'live' } }));

import { OpenConversation } from './conversation.svelte.js';
import { desk } from './desk.svelte.js';

type Event = Parameters<Parameters<typeof desk.listen>[0]>[0];
const ok = (data: unknown) => ({ data, response: new Response(null, { status: 200 }) });
const created = (seq: number): Event => ({
  id: String(100 + seq),
  conversation_id: '1',
  seq,
  kind: 'message.created',
  at: '2026-01-01T10:00:00.000Z',
  data: { ...message({ seq }) },
});
const apply = (event: Event) => (desk as unknown as { apply: (e: Event) => void }).apply(event);
const seqs = (c: OpenConversation) => c.timeline.messages.map((m) => m.seq);

let missed: Event[] = [];
beforeEach(() => {
  missed = [];
  send.mockClear();
  GET.mockReset();
  GET.mockImplementation(async (path: string) => {
    if (path.endsWith('/messages'))
      return ok({ items: [message({ seq: 2 }), message({ seq: 1 })], has_more: false });
    if (path.endsWith('/events')) return ok({ items: missed, has_more: false });
    if (path.endsWith('conversation-counts')) return ok({});
    return ok(conversation({ last_seq: 2, unread: 1, agent_read_seq: 1 }));
  });
});

async function opened(): Promise<OpenConversation> {
  const made = new OpenConversation('1');
  await made.open();
  return made;
}

test('opening says from where on events are wanted, and where new began', async () => {
  const c = await opened();
  expect(send).toHaveBeenCalledWith({ t: 'view', conversation_id: '1', open: true, have: 2 });
  expect(c.unreadAfter).toBe(1);
  expect(seqs(c)).toEqual([1, 2]);
  c.close();
});

test('events in order are taken in, doubled ones once', async () => {
  const c = await opened();
  apply(created(3));
  apply(created(3));
  apply(created(4));
  expect(seqs(c)).toEqual([1, 2, 3, 4]);
  c.close();
});

test('an event that leaves a gap waits until the missing ones are fetched', async () => {
  const c = await opened();
  missed = [created(3), created(4)];
  apply(created(5));
  expect(seqs(c)).toEqual([1, 2]);
  await vi.waitFor(() => expect(seqs(c)).toEqual([1, 2, 3, 4, 5]));
  c.close();
});

test('what cannot be fetched now is fetched with the next event', async () => {
  const c = await opened();
  GET.mockImplementationOnce(async () => Promise.reject(new Error('offline')));
  apply(created(4));
  await vi.waitFor(() =>
    expect(GET).toHaveBeenCalledWith('/api/v1/conversations/{id}/events', expect.anything()),
  );
  missed = [created(3), created(4), created(5)];
  await Promise.resolve();
  await vi.waitFor(() => {
    apply(created(5));
    expect(seqs(c)).toEqual([1, 2, 3, 4, 5]);
  });
  c.close();
});

test('a closed conversation takes nothing in', async () => {
  const c = await opened();
  c.close();
  apply(created(3));
  expect(seqs(c)).toEqual([1, 2]);
});

test('a conversation that may not be seen is gone, a failing server is not', async () => {
  GET.mockImplementation(async () => ({
    error: { code: 'not_found', title: 'x' },
    response: new Response(null, { status: 404 }),
  }));
  expect((await opened()).phase).toBe('gone');
  GET.mockImplementation(async () => ({ error: {}, response: new Response(null, { status: 503 }) }));
  expect((await opened()).phase).toBe('failed');
});
