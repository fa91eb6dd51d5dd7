/** Whatever the line does, a client ends with exactly what the server holds. A model of the server, random histories, cuts, orders and page sizes; a failure
 * prints its seed: TEST_SEED=<number> repeats it. */
import { expect, it } from 'vitest';

import { Follower } from '../src/follower.js';
import { emptyTimeline, withEvent, withPage, type ConversationEvent, type Message } from '../src/timeline.js';

const ROUNDS = 300;
const FIRST_SEED = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);

class Random {
  constructor(private state: number) {}
  next(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return this.state / 2 ** 32;
  }
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  chance(p: number): boolean {
    return this.next() < p;
  }
}

const at = (n: number) => new Date(Date.UTC(2026, 0, 1) + n).toISOString();

/** The server: a log of events, and the messages as they are now. */
class Model {
  readonly log: (ConversationEvent & { isPublic: boolean })[] = [];
  readonly messages: Message[] = [];

  constructor(private readonly random: Random) {}

  get lastSeq(): number {
    return this.log.length;
  }

  step(): void {
    const seq = this.lastSeq + 1;
    const what = this.random.next();
    const old = this.messages[this.random.below(this.messages.length)];
    if (what < 0.25 && old && !old.deleted_at) {
      const isDeleted = this.random.chance(0.3);
      Object.assign(
        old,
        isDeleted ? { body: '', deleted_at: at(seq) } : { body: `edit ${seq}`, edited_at: at(seq) },
      );
      this.append(seq, isDeleted ? 'message.deleted' : 'message.edited', { ...old }, old.kind === 'public');
    } else if (what < 0.4) {
      this.append(seq, 'conversation.updated', {}, true);
    } else {
      const kind = this.random.chance(0.2) ? 'note' : 'public';
      const made = {
        id: String(1000 + seq),
        conversation_id: '7',
        seq,
        kind,
        body: `m${seq}`,
        edited_at: null,
        deleted_at: null,
      };
      this.messages.push(made as unknown as Message);
      this.append(seq, 'message.created', { ...made }, kind === 'public');
    }
  }

  events(after: number, limit: number, isPublic = false) {
    const all = this.log.filter((e) => e.seq > after && (e.isPublic || !isPublic));
    return { items: all.slice(0, limit), has_more: all.length > limit };
  }

  page(before: number, limit: number, isPublic = false) {
    const all = this.messages.filter((m) => m.seq < before && (m.kind === 'public' || !isPublic)).reverse();
    return { items: all.slice(0, limit).map((m) => ({ ...m })), has_more: all.length > limit };
  }

  private append(seq: number, kind: string, data: object, isPublic: boolean): void {
    const event = { id: String(seq), conversation_id: '7', seq, kind, at: at(seq), data, isPublic };
    this.log.push(event as unknown as ConversationEvent & { isPublic: boolean });
  }
}

/** Things that happen later, in any order. */
class Later {
  private waiting: (() => void)[] = [];
  constructor(private readonly random: Random) {}

  add(fn: () => void): void {
    this.waiting.push(fn);
  }

  async one(): Promise<boolean> {
    const [fn] = this.waiting.splice(this.random.below(this.waiting.length), 1);
    fn?.();
    for (let i = 0; i < 6; i++) await Promise.resolve();
    return fn !== undefined;
  }

  /** Reads now or a moment later, answers later still, and sometimes not at all. */
  ask<T>(read: () => T, failures: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const answer = () => {
        if (this.random.chance(failures)) return this.add(() => reject(new Error('cut')));
        const got = read();
        this.add(() => resolve(got));
      };
      if (this.random.chance(0.5)) answer();
      else this.add(answer);
    });
  }
}

class AgentSide {
  readonly follower: Follower;
  readonly taken: number[] = [];
  private isLive = false;
  private told = 0;

  constructor(
    private readonly model: Model,
    private readonly random: Random,
    private readonly later: Later,
    private failures: number,
  ) {
    this.follower = new Follower('7', {
      fetchEvents: (after) => later.ask(() => model.events(after, 1 + random.below(5)), this.failures),
      fetchOlder: (before) => later.ask(() => model.page(before, 1 + random.below(6)), this.failures),
      onChange: () => undefined,
      onEvent: (event) => this.taken.push(event.seq),
      later: (fn) => {
        let isStopped = false;
        later.add(() => isStopped || fn());
        return () => (isStopped = true);
      },
    });
    const page = model.page(Infinity, 1 + random.below(8));
    this.follower.load(page.items, page.has_more);
  }

  cut(): void {
    this.isLive = false;
  }

  /** The line lives (again): what `view` brings, cut off anywhere, mixed with what comes live. */
  view(): void {
    this.isLive = true;
    this.told = this.model.lastSeq;
    const replay = this.model.events(this.follower.timeline.have, this.random.below(6)).items;
    const last = this.model.lastSeq;
    for (const event of replay) this.hear(event);
    this.later.add(() => this.follower.reached(last));
  }

  /** What was committed since the last look comes by the line; some of it twice, some late. */
  hearNews(): void {
    for (; this.told < this.model.lastSeq; this.told++) {
      if (this.isLive) this.hear(this.model.log[this.told]!);
    }
  }

  private hear(event: ConversationEvent): void {
    for (let n = this.random.chance(0.1) ? 2 : 1; n > 0; n--) {
      if (this.random.chance(0.3)) this.later.add(() => this.follower.receive(event));
      else this.follower.receive(event);
    }
  }

  async settle(): Promise<void> {
    this.failures = 0;
    this.view();
    while (await this.later.one());
    while (this.follower.timeline.hasOlder) {
      void this.follower.older();
      while (await this.later.one());
    }
  }
}

async function agentRound(seed: number): Promise<void> {
  const random = new Random(seed);
  const later = new Later(random);
  const model = new Model(random);
  for (let i = random.below(30); i > 0; i--) model.step();
  const side = new AgentSide(model, random, later, random.chance(0.5) ? 0.3 : 0);
  for (let i = 0; i < 80; i++) {
    const what = random.next();
    if (what < 0.4) model.step();
    else if (what < 0.6) side.hearNews();
    else if (what < 0.65) side.cut();
    else if (what < 0.7) side.view();
    else if (what < 0.78) void side.follower.older();
    else await later.one();
  }
  await side.settle();
  const { timeline } = side.follower;
  expect(timeline.messages, `seed ${seed}`).toEqual(model.messages);
  expect(timeline.have, `seed ${seed}`).toBe(model.lastSeq);
  // Each event that came after the first page was taken once and in order.
  const first = side.taken[0] ?? model.lastSeq + 1;
  expect(side.taken, `seed ${seed}`).toEqual(model.log.slice(first - 1).map((e) => e.seq));
}

/** A customer's line: what may be seen, in order, from `have` on, cut anywhere; pages at any moment. */
async function customerRound(seed: number): Promise<void> {
  const random = new Random(seed);
  const later = new Later(random);
  const model = new Model(random);
  for (let i = random.below(30); i > 0; i--) model.step();
  const lastSeq = model.lastSeq;
  if (random.chance(0.5)) model.step();
  const first = model.page(Infinity, 1 + random.below(8), true);
  let timeline = withPage(emptyTimeline('7'), first.items, first.has_more, lastSeq);
  let isLoading = false;
  const older = async () => {
    const [oldest] = timeline.messages;
    if (isLoading || !oldest || !timeline.hasOlder) return;
    isLoading = true;
    const page = await later.ask(() => model.page(oldest.seq, 1 + random.below(6), true), 0);
    timeline = withPage(timeline, page.items, page.has_more);
    isLoading = false;
  };
  const replay = (limit: number) => {
    for (const event of model.events(Math.max(0, timeline.have - random.below(3)), limit, true).items)
      timeline = withEvent(timeline, event);
  };
  for (let i = 0; i < 60; i++) {
    const what = random.next();
    if (what < 0.5) model.step();
    else if (what < 0.65) replay(random.below(5));
    else if (what < 0.8) void older();
    else await later.one();
  }
  replay(Infinity);
  while (await later.one());
  // Nothing was there when it began: the replay from 0 brought all.
  while (timeline.hasOlder) {
    void older();
    while (await later.one());
  }
  const seen = model.messages.filter((m) => m.kind === 'public');
  expect(timeline.messages, `seed ${seed}`).toEqual(seen);
}

it('an agent ends with the truth, whatever was cut, doubled, late or failed', async () => {
  for (let i = 0; i < ROUNDS; i++) await agentRound(FIRST_SEED + i);
});

it('a customer ends with the truth of what customers may see', async () => {
  for (let i = 0; i < ROUNDS; i++) await customerRound(FIRST_SEED + i);
});

it('a conversation that says more than it gives is asked for again, not for ever at once', async () => {
  let asked = 0;
  const waits: number[] = [];
  const follower = new Follower('7', {
    fetchEvents: () => {
      asked++;
      return Promise.resolve({ items: [], has_more: false });
    },
    fetchOlder: () => Promise.reject(new Error('none')),
    onChange: () => undefined,
    later: (_fn, ms) => {
      waits.push(ms);
      return () => undefined;
    },
  });
  follower.reached(5);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  expect(asked).toBe(1);
  expect(waits).toEqual([500]);
  expect(follower.isBehind).toBe(true);
});

it('events that are not kept any more: loads anew instead of asking again', async () => {
  let forgotten = 0;
  const waits: number[] = [];
  const follower = new Follower('7', {
    fetchEvents: () => Promise.reject(Object.assign(new Error('gone'), { status: 410 })),
    fetchOlder: () => Promise.reject(new Error('none')),
    onChange: () => undefined,
    onForgotten: () => forgotten++,
    later: (_fn, ms) => {
      waits.push(ms);
      return () => undefined;
    },
  });
  follower.reached(5);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  expect([forgotten, waits]).toEqual([1, []]);
});
