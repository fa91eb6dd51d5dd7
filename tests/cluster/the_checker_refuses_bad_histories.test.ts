/** The checker itself: a good history passes, and each thing that may go wrong in one is found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { check, failovers, type Truth } from './checker.js';
import type { Entry } from './history.js';

interface Run {
  history: Entry[];
  truth: Truth;
}

/** Ada and Bo talk; Cy, an agent, reads all of it; a second conversation sleeps and wakes. */
function good(): Run {
  const history: Entry[] = [];
  const truth: Truth = { messages: [], events: [], capacity: new Map([['7', 1]]), seesAll: new Set(['cy']), deliveries: [{ kind: 'mail', key: 'k1' }, { kind: 'mail', key: 'k2' }] };
  for (let i = 1; i <= 4; i++) {
    const client = i % 2 ? 'ada' : 'bo';
    const at = i * 1000;
    history.push({ op: 'invoke', at, client, conversation: '1', id: `c${i}`, body: `${client} ${i}` });
    history.push({ op: 'ack', at: at + 10, client, conversation: '1', id: `c${i}`, message: `m${i}`, seq: i });
    for (const reader of ['ada', 'bo', 'cy']) history.push({ op: 'receive', at: at + 20, client: reader, conversation: '1', seq: i, kind: 'message.created', message: `m${i}`, live: true });
    truth.messages.push({ id: `m${i}`, conversation: '1', seq: i, clientId: `c${i}`, body: `${client} ${i}`, isPublic: true });
    truth.events.push({ id: i, conversation: '1', seq: i, kind: 'message.created', isPublic: true, message: `m${i}`, head: null });
  }
  history.push({ op: 'snooze', at: 5000, client: 'cy', conversation: '2', until: 7000 });
  const heads: [string, string | null][] = [['open', null], ['open', '7'], ['snoozed', '7'], ['open', '7'], ['resolved', '7']];
  heads.forEach(([state, assignee], i) => truth.events.push({ id: 10 + i, conversation: '2', seq: i + 1, kind: 'conversation.updated', isPublic: false, message: null, head: { state, assignee } }));
  truth.messages.push({ id: 'w1', conversation: '2', seq: 4, clientId: null, body: '', isPublic: false, tells: 'woken' });
  return { history, truth };
}

test('a good history passes', () => {
  const { history, truth } = good();
  assert.deepEqual(check(history, truth), []);
});

const bad: [string, RegExp, (run: Run) => void][] = [
  ['an acknowledged message is gone', /^lost: ada had c3/, ({ truth }) => void (truth.messages = truth.messages.filter((m) => m.clientId !== 'c3'))],
  ['a message is stored under its id twice', /^doubled: 2 messages of the client's id c2/, ({ truth }) => void truth.messages.push({ ...truth.messages[1]!, id: 'm9', seq: 9 })],
  ['a message is stored twice under two ids', /^doubled: "1 bo 2" is stored 2 times/, ({ truth }) => void truth.messages.push({ ...truth.messages[1]!, id: 'm9', seq: 9, clientId: 'c9' })],
  ['it stands elsewhere than acknowledged', /^moved: c1/, ({ truth }) => void (truth.messages[0]!.seq = 2)],
  ['it says something else', /^changed: c1/, ({ truth }) => void (truth.messages[0]!.body = 'oops')],
  ['a number is missing', /^numbers: conversation 1 has 3 where 2 belongs/, ({ truth }) => void truth.events.splice(1, 1)],
  ['events are told in another order than they are numbered', /^numbers: events of conversation 1 are told/, ({ truth }) => void ([truth.events[0]!.id, truth.events[1]!.id] = [2, 1])],
  ['a reader hears one twice', /^doubled: bo received 1\/2 twice/, ({ history }) => void history.push({ ...history.find((e) => e.op === 'receive' && e.client === 'bo' && e.seq === 2)! })],
  ['a reader hears them in another order', /^re-ordered: bo received 1\/1 after 2/, ({ history }) => swap(history, 'bo', 1, 2)],
  ['two readers hear different things', /^different: bo received another event as 1\/1/, ({ history }) => rename(history, 'bo')],
  ['a reader never hears one', /^missed: cy never received 1 events of 1, the first is 2/, ({ history }) => void remove(history, 'cy', 2)],
  ['a reader hears what is not there', /^unknown: cy received 1\/9/, ({ history }) => void history.push({ op: 'receive', at: 9000, client: 'cy', conversation: '1', seq: 9, kind: 'message.created', message: 'm9', live: true })],
  ['delivery is only stored', /^late: bo received 1\/4/, ({ history }) => void (received(history, 'bo').at(-1)!.at += 5000)],
  ['an agent has more than they may', /^capacity: agent 7 had 2 conversations of 1/, ({ truth }) => void truth.events.push({ id: 11.5, conversation: '3', seq: 1, kind: 'conversation.updated', isPublic: false, message: null, head: { state: 'open', assignee: '7' } })],
  ['a snooze ends twice', /^timer: 2 slept 1 times and its waking was told 2 times/, ({ truth }) => wakeAgain(truth)],
  ['a snooze never ends', /^timer: 2 slept 1 times and woke 0 times/, ({ truth }) => void (truth.events = truth.events.filter((e) => e.conversation !== '2' || e.seq < 4))],
  ['a snooze is forgotten', /^timer: 2 was put to sleep 1 times and slept 0 times/, ({ truth }) => void (truth.events.find((e) => e.head?.state === 'snoozed')!.head!.state = 'open')],
  ['a row leaves the house twice', /^outbox: mail k1 left 2 times/, ({ truth }) => void truth.deliveries.push({ kind: 'mail', key: 'k1' })],
];

const received = (history: Entry[], client: string) => history.filter((e): e is Extract<Entry, { op: 'receive' }> => e.op === 'receive' && e.client === client);
function swap(history: Entry[], client: string, a: number, b: number): void {
  const mine = received(history, client);
  const [x, y] = [mine.find((e) => e.seq === a)!, mine.find((e) => e.seq === b)!];
  [x.seq, y.seq, x.message, y.message] = [b, a, y.message, x.message];
}
function rename(history: Entry[], client: string): void {
  const mine = received(history, client);
  [mine[0]!.message, mine[1]!.message] = [mine[1]!.message, mine[0]!.message];
}
function remove(history: Entry[], client: string, seq: number): void {
  history.splice(history.indexOf(received(history, client).find((e) => e.seq === seq)!), 1);
}
function wakeAgain(truth: Truth): void {
  truth.messages.push({ ...truth.messages.at(-1)!, id: 'w2', seq: 6 });
}

for (const [what, refusal, spoil] of bad) {
  test(`refused: ${what}`, () => {
    const run = good();
    spoil(run);
    const wrong = check(run.history, run.truth);
    assert.ok(wrong.some((w) => refusal.test(w)), `found ${JSON.stringify(wrong)}`);
  });
}

test('what comes back to its agent with a word of the customer is not counted', () => {
  const { history, truth } = good();
  const head = (id: number, conversation: string, seq: number, state: string) => truth.events.push({ id, conversation, seq, kind: 'conversation.updated', isPublic: false, message: null, head: { state, assignee: '7' } });
  ['open', 'resolved', 'open'].forEach((state, i) => head(20 + i, '4', i + 1, state));
  head(30, '5', 1, 'open');
  assert.deepEqual(check(history, truth), []);
  head(31, '6', 1, 'open');
  assert.match(check(history, truth).join(), /^capacity: agent 7 had 2 conversations of 1 with event 31$/);
});

test('a history without calm times shows nothing about live delivery, and says so', () => {
  const { history, truth } = good();
  history.unshift({ op: 'fault', at: 0, client: 'test', name: 'node-killed' });
  assert.match(check(history, truth).join(), /nothing was delivered in calm times/);
});

test('what clients waited for a failover is told per client, from the promotion on', () => {
  const { history } = good();
  history.push({ op: 'fault', at: 1500, client: 'test', name: 'leader-killed' }, { op: 'promoted', at: 2500, client: 'test', name: 'pg2' });
  assert.deepEqual(failovers(history, new Set(['leader-killed'])), [{ promoteMs: 1000, clientMs: [510, 1510] }]);
});
