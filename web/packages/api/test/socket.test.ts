import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ResumingSocket, type SocketStatus } from '../src/socket.js';

class FakeSocket {
  static all: FakeSocket[] = [];
  readyState = 1;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((e: { data: unknown }) => void) | null = null;
  onclose: ((e: { code: number }) => void) | null = null;
  constructor() {
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.readyState = 3;
  }
  goLive() {
    this.onopen?.();
    this.onmessage?.({ data: '{"t":"live"}' });
  }
}

function setUp() {
  let have = 0;
  const statuses: SocketStatus[] = [];
  const frames: unknown[] = [];
  const refused: number[] = [];
  const socket = new ResumingSocket<{ t: string }, { t: string }>({
    url: () => 'ws://x',
    hello: () => ({ t: 'hello', have: have++ }) as { t: string },
    onFrame: (f) => frames.push(f),
    onStatus: (s) => statuses.push(s),
    onRefused: (c) => refused.push(c),
    makeSocket: () => new FakeSocket() as unknown as WebSocket,
    random: () => 1,
  });
  return { socket, statuses, frames, refused };
}

beforeEach(() => {
  FakeSocket.all = [];
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', { OPEN: 1 });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('resuming socket', () => {
  it('says hello anew, with what it holds then, on each connection', () => {
    const { socket } = setUp();
    socket.start();
    FakeSocket.all[0]!.goLive();
    FakeSocket.all[0]!.onclose?.({ code: 1006 });
    vi.advanceTimersByTime(600);
    FakeSocket.all[1]!.goLive();
    expect(FakeSocket.all.map((s) => s.sent[0])).toEqual([
      '{"t":"hello","have":0}',
      '{"t":"hello","have":1}',
    ]);
  });

  it('sends only on a live line', () => {
    const { socket } = setUp();
    socket.start();
    expect(socket.send({ t: 'x' })).toBe(false);
    FakeSocket.all[0]!.goLive();
    expect(socket.send({ t: 'x' })).toBe(true);
  });

  it('backs off, and a nudge looks at once', () => {
    const { socket, statuses } = setUp();
    socket.start();
    for (const [i, ms] of [
      500, 1000, 2000, 2000, 2000, 2000, 2000, 2000, 4000, 8000, 15000, 15000,
    ].entries()) {
      FakeSocket.all.at(-1)!.onclose?.({ code: 1006 });
      vi.advanceTimersByTime(ms - 1);
      expect(FakeSocket.all.length).toBe(i + 1);
      vi.advanceTimersByTime(1);
      expect(FakeSocket.all.length).toBe(i + 2);
    }
    FakeSocket.all.at(-1)!.onclose?.({ code: 1006 });
    expect(statuses.at(-1)).toBe('waiting');
    socket.nudge();
    expect(FakeSocket.all.length).toBe(14);
  });

  it('notices a dead line by the missing pong', () => {
    const { socket, statuses } = setUp();
    socket.start();
    FakeSocket.all[0]!.goLive();
    vi.advanceTimersByTime(20_000);
    expect(FakeSocket.all[0]!.sent.at(-1)).toBe('{"t":"ping"}');
    vi.advanceTimersByTime(8_000);
    expect(statuses.at(-1)).toBe('waiting');
  });

  it('stays away when it is not signed in', () => {
    const { socket, refused } = setUp();
    socket.start();
    FakeSocket.all[0]!.onclose?.({ code: 4003 });
    vi.advanceTimersByTime(60_000);
    expect(refused).toEqual([4003]);
    expect(FakeSocket.all.length).toBe(1);
  });

  it('a late close of an old line does not disturb the new one', () => {
    const { socket, statuses } = setUp();
    socket.start();
    const old = FakeSocket.all[0]!;
    old.onclose?.({ code: 1006 });
    vi.advanceTimersByTime(600);
    FakeSocket.all[1]!.goLive();
    old.onclose?.({ code: 1006 });
    old.onmessage?.({ data: '{"t":"event"}' });
    expect(statuses.at(-1)).toBe('live');
  });
});
