import { describe, expect, test } from 'vitest';
import { message } from '../../testing.js';
import { buildRows, deliveryOf, guessHeight } from './rows.js';

const at = (minute: number, day = 1) => new Date(Date.UTC(2026, 0, day, 10, minute)).toISOString();
const build = (messages: ReturnType<typeof message>[], more = {}) =>
  buildRows({ messages, outgoing: [], unreadAfter: null, zone: 'UTC', ...more });

describe('rows of a conversation', () => {
  test('messages of one author in a few minutes make a group', () => {
    const rows = build([
      message({ seq: 1, at: at(0) }),
      message({ seq: 2, at: at(1) }),
      message({ seq: 3, at: at(9) }),
      message({ seq: 4, at: at(9), author: 'agent' }),
    ]);
    expect(rows.map((r) => (r.kind === 'message' ? [r.isFirst, r.isLast] : r.kind))).toEqual([
      'day',
      [true, false],
      [false, true],
      [true, true],
      [true, true],
    ]);
  });

  test('a rating stands where it was given, and ends a group', () => {
    const messages = [
      message({ seq: 1, at: at(0) }),
      message({ seq: 2, at: at(1) }),
      message({ seq: 3, at: at(2) }),
    ];
    const rating = { score: 4, comment: '', at: at(1).replace('00.000', '30.000') };
    const kinds = (rows: ReturnType<typeof build>) => rows.map((r) => r.kind);
    expect(kinds(build(messages, { rating }))).toEqual(['day', 'message', 'message', 'rating', 'message']);
    expect(build(messages, { rating }).at(-1)).toMatchObject({ isFirst: true });
    expect(kinds(build(messages, { rating: { ...rating, at: at(9) } })).at(-1)).toBe('rating');
    expect(kinds(build(messages))).not.toContain('rating');
  });

  test('a note never joins a group of replies', () => {
    const rows = build([
      message({ seq: 1, author: 'agent' }),
      message({ seq: 2, author: 'agent', kind: 'note' }),
    ]);
    expect(rows.filter((r) => r.kind === 'message').every((r) => r.isFirst && r.isLast)).toBe(true);
  });

  test('each day has its line, in the reader’s zone', () => {
    const messages = [
      message({ seq: 1, at: '2026-01-01T15:30:00.000Z' }),
      message({ seq: 2, at: '2026-01-01T16:30:00.000Z' }),
    ];
    expect(build(messages).filter((r) => r.kind === 'day')).toHaveLength(1);
    expect(build(messages, { zone: 'Asia/Shanghai' }).filter((r) => r.kind === 'day')).toHaveLength(2);
  });

  test('the unread line stands before the first unread customer message, once', () => {
    const rows = build(
      [
        message({ seq: 1 }),
        message({ seq: 2, author: 'agent' }),
        message({ seq: 3, author: 'bot' }),
        message({ seq: 4 }),
        message({ seq: 5 }),
      ],
      { unreadAfter: 2 },
    );
    expect(rows.map((r) => r.kind)).toEqual([
      'day',
      'message',
      'message',
      'message',
      'unread',
      'message',
      'message',
    ]);
  });

  test('what is on its way stands at the end until it is stored', () => {
    const entry = (clientId: string) => ({
      clientId,
      createdAt: 0,
      state: 'sending' as const,
      payload: {
        conversation_id: '1',
        message: { client_id: clientId, kind: 'public' as const, body: 'x' },
        files: [],
      },
    });
    const rows = build([message({ seq: 1, author: 'agent', client_id: 'aaaaaaaa' })], {
      outgoing: [entry('aaaaaaaa'), entry('bbbbbbbb')],
    });
    expect(rows.filter((r) => r.kind === 'outgoing').map((r) => r.key)).toEqual(['bbbbbbbb']);
  });

  test('keys are unique over many days', () => {
    const rows = build(
      Array.from({ length: 500 }, (_, i) => message({ seq: i + 1, at: at(i % 60, 1 + (i >> 6)) })),
    );
    expect(new Set(rows.map((r) => r.key)).size).toBe(rows.length);
  });
});

test('delivery follows the receipts', () => {
  const receipt = { customer_delivered_seq: 5, customer_read_seq: 3 };
  expect([2, 4, 6].map((seq) => deliveryOf(message({ seq, author: 'agent' }), receipt))).toEqual([
    'read',
    'delivered',
    'sent',
  ]);
});

test('longer messages are guessed taller, Chinese as twice as wide', () => {
  const guess = (body: string) => {
    const row = build([message({ body })])[1];
    return row ? guessHeight(row) : 0;
  };
  expect(guess('a'.repeat(300))).toBeGreaterThan(guess('a'));
  expect(guess('冻'.repeat(100))).toBeGreaterThan(guess('a'.repeat(100)));
});
