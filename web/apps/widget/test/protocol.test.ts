import { describe, expect, it } from 'vitest';

import { envelope, PROTOCOL, read, TO_FRAME, TO_PAGE, type ToPage } from '../loader/protocol.js';

const ORIGIN = 'https://desk.example';
const frame = {} as MessageEventSource;
const event = (data: unknown, origin = ORIGIN, source: MessageEventSource | null = frame) => ({
  data,
  origin,
  source,
});

describe('protocol between page and frame', () => {
  it('reads what was written', () => {
    const said = envelope<ToPage>({ t: 'unread', count: 2, preview: '您好' });
    expect(read<ToPage>(event(said), frame, ORIGIN, TO_PAGE)).toEqual({
      t: 'unread',
      count: 2,
      preview: '您好',
      p: PROTOCOL,
    });
  });

  it.each([
    ['another origin', event(envelope({ t: 'close' }), 'https://desk.example.evil.example')],
    ['another window', event(envelope({ t: 'close' }), ORIGIN, {} as MessageEventSource)],
    ['no window', event(envelope({ t: 'close' }), ORIGIN, null)],
    ['no envelope', event({ t: 'close' })],
    ['another protocol', event({ t: 'close', p: 'stablehand/2' })],
    ['an unknown kind', event({ t: 'eval', p: PROTOCOL })],
    ['a name that every object has', event({ t: 'constructor', p: PROTOCOL })],
    ['a field of the wrong type', event({ t: 'unread', count: '2', preview: '', p: PROTOCOL })],
    ['a missing field', event({ t: 'unread', count: 2, p: PROTOCOL })],
    ['no object', event('close')],
    ['nothing', event(null)],
  ])('does not believe %s', (_, e) => {
    expect(read(e, frame, ORIGIN, TO_PAGE)).toBe(null);
  });

  it('takes only what goes its own way', () => {
    expect(read(event(envelope({ t: 'logout' })), frame, ORIGIN, TO_PAGE)).toBe(null);
    expect(read(event(envelope({ t: 'logout' })), frame, ORIGIN, TO_FRAME)).not.toBe(null);
  });

  it('believes nobody while there is no frame', () => {
    expect(read(event(envelope({ t: 'close' }), ORIGIN, null), undefined, ORIGIN, TO_PAGE)).toBe(null);
    expect(read(event(envelope({ t: 'close' }), ORIGIN, null), null, ORIGIN, TO_PAGE)).toBe(null);
  });
});
