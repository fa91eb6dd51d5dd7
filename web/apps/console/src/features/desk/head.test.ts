import { describe, expect, test } from 'vitest';
import { conversation, message } from '../../testing.js';
import { belongs, compare, newer, replaced, withMessage, withReceipt } from './head.js';

describe('a message moves the head', () => {
  test('a customer message counts as unread and starts the waiting', () => {
    const head = conversation({ last_seq: 4, unread: 1, waiting_since: null });
    const next = withMessage(
      head,
      message({ seq: 5, body: '**Where** is\nmy BTC', author: 'customer', at: '2026-01-01T10:00:00.000Z' }),
    );
    expect(next).toMatchObject({
      last_seq: 5,
      unread: 2,
      waiting_since: '2026-01-01T10:00:00.000Z',
      last_message: { preview: 'Where is my BTC', author_kind: 'customer' },
    });
  });
  test('waiting keeps the first unanswered time', () => {
    const head = conversation({ last_seq: 4, waiting_since: '2026-01-01T09:00:00.000Z' });
    expect(withMessage(head, message({ seq: 5, author: 'customer' })).waiting_since).toBe(
      '2026-01-01T09:00:00.000Z',
    );
  });
  test('an agent reply ends the waiting, a bot reply does not', () => {
    const head = conversation({ last_seq: 4, waiting_since: '2026-01-01T09:00:00.000Z' });
    expect(withMessage(head, message({ seq: 5, author: 'agent' })).waiting_since).toBeNull();
    expect(withMessage(head, message({ seq: 5, author: 'bot' })).waiting_since).not.toBeNull();
  });
  test('a note changes nothing that the customer could see', () => {
    const head = conversation({ last_seq: 4 });
    const next = withMessage(head, message({ seq: 5, author: 'agent', kind: 'note', body: 'secret' }));
    expect(next).toEqual({ ...head, last_seq: 5 });
  });
  test('a message that was counted already is not counted again', () => {
    const head = conversation({ last_seq: 5 });
    expect(withMessage(head, message({ seq: 5, author: 'customer' }))).toBe(head);
  });
});

test('receipts only move forward', () => {
  const head = conversation({ last_seq: 9, unread: 2, customer_read_seq: 7, agent_read_seq: 3 });
  const next = withReceipt(head, { customer_read_seq: 5, customer_delivered_seq: 8, agent_read_seq: 9 });
  expect(next).toMatchObject({
    customer_read_seq: 7,
    customer_delivered_seq: 8,
    agent_read_seq: 9,
    unread: 0,
  });
});

test('an older page does not undo an event', () => {
  const held = conversation({ version: 3, state: 'resolved' });
  expect(newer(held, conversation({ version: 2, state: 'open' }))).toBe(held);
  expect(newer(held, conversation({ version: 4, state: 'open' })).state).toBe('open');
  expect(newer(undefined, held)).toBe(held);
});

test('views', () => {
  const mine = conversation({ assignee_id: '7', handler: 'agent', state: 'open' });
  expect(belongs('mine', mine, '7')).toBe(true);
  expect(belongs('mine', mine, '8')).toBe(false);
  expect(belongs('mine', { ...mine, state: 'snoozed' }, '7')).toBe(false);
  expect(belongs('snoozed', { ...mine, state: 'snoozed' }, '7')).toBe(true);
  expect(belongs('all', { ...mine, state: 'waiting' }, '8')).toBe(true);
  expect(belongs('unassigned', conversation({ handler: 'queue' }), '7')).toBe(true);
  expect(belongs('bot', conversation({ handler: 'bot' }), '7')).toBe(true);
  expect(belongs('resolved', conversation({ handler: 'bot' }), '7')).toBe(false);
});

describe('order', () => {
  const at = (id: string, updated: number, waiting: number | null) =>
    conversation({
      id,
      updated_at: new Date(updated * 1000).toISOString(),
      waiting_since: waiting === null ? null : new Date(waiting * 1000).toISOString(),
    });
  const all = [at('1', 10, null), at('2', 30, 5), at('3', 20, 3), at('10', 20, null)];
  const get = (id: string) => all.find((c) => c.id === id);
  const ids = (sort: 'recent' | 'waiting') => [...all].sort(compare(sort)).map((c) => c.id);

  test('recent and waiting', () => {
    expect(ids('recent')).toEqual(['2', '10', '3', '1']);
    expect(ids('waiting')).toEqual(['3', '2', '10', '1']);
  });
  test('one that changed moves to its new place', () => {
    all[0] = at('1', 99, null);
    expect(replaced(['2', '10', '3', '1'], all[0], true, get, compare('recent'), true)).toEqual([
      '1',
      '2',
      '10',
      '3',
    ]);
  });
  test('one that left the view goes, one below the loaded part waits for its page', () => {
    const old = at('9', 1, null);
    expect(replaced(['2', '3'], get('3') ?? old, false, get, compare('recent'), true)).toEqual(['2']);
    expect(replaced(['2', '3'], old, true, get, compare('recent'), false)).toEqual(['2', '3']);
    expect(replaced(['2', '3'], old, true, get, compare('recent'), true)).toEqual(['2', '3', '9']);
  });
  test('one that stays where it is leaves the list as it was', () => {
    const list = ['2', '10', '3'];
    expect(replaced(list, get('10') ?? at('10', 20, null), true, get, compare('recent'), true)).toBe(list);
  });
});
