/** Judges a history and what the database holds afterwards. Pure: no clock, no server; what it returns is what is wrong, in words. */
import type { Entry } from './history.js';

export interface StoredMessage {
  id: string;
  conversation: string;
  seq: number;
  clientId: string | null;
  body: string;
  isPublic: boolean;
  /** What a line of the system tells: "woken". */
  tells?: string;
}
export interface StoredEvent {
  /** The order in which the desk tells them. */
  id: number;
  conversation: string;
  seq: number;
  kind: string;
  isPublic: boolean;
  message: string | null;
  /** Of kinds conversation.*: the head as it was then. */
  head: { state: string; assignee: string | null } | null;
}
export interface Truth {
  messages: StoredMessage[];
  events: StoredEvent[];
  capacity: ReadonlyMap<string, number>;
  /** Readers that may see every event of their conversations (agents); others see public ones. */
  seesAll: ReadonlySet<string>;
  /** What left the house, by idempotency key, as the other side received it. */
  deliveries: { kind: string; key: string }[];
}
export interface Limits {
  /** In calm times a message reaches a reader whose line is live within this. */
  liveMs: number;
  /** Calm: so long after a fault was healed. */
  calmAfterMs: number;
}
const LIMITS: Limits = { liveMs: 3000, calmAfterMs: 6000 };
const MOST_TOLD = 8;

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

type Of<K extends Entry['op']> = Extract<Entry, { op: K }>;
const ofKind = <K extends Entry['op']>(history: readonly Entry[], op: K) => history.filter((e): e is Of<K> => e.op === op);

/** Acknowledged: there, once, and where the acknowledgement said. */
function checkStored(history: readonly Entry[], truth: Truth): string[] {
  const wrong: string[] = [];
  const byClientId = groupBy(truth.messages.filter((m) => m.clientId !== null), (m) => m.clientId!);
  for (const [id, stored] of byClientId) if (stored.length > 1) wrong.push(`doubled: ${stored.length} messages of the client's id ${id}`);
  const bodies = groupBy(truth.messages.filter((m) => m.clientId !== null), (m) => `${m.conversation} ${m.body}`);
  for (const [body, stored] of bodies) if (stored.length > 1) wrong.push(`doubled: "${body}" is stored ${stored.length} times`);
  for (const ack of ofKind(history, 'ack')) {
    const stored = byClientId.get(ack.id)?.[0];
    if (!stored) wrong.push(`lost: ${ack.client} had ${ack.id} acknowledged at ${ack.at} ms`);
    else if (stored.id !== ack.message || stored.seq !== ack.seq || stored.conversation !== ack.conversation) {
      wrong.push(`moved: ${ack.id} was acknowledged as ${ack.conversation}/${ack.seq} and is ${stored.conversation}/${stored.seq}`);
    }
  }
  const sent = new Map(ofKind(history, 'invoke').map((e) => [e.id, e]));
  for (const m of truth.messages) {
    const invoke = m.clientId === null ? undefined : sent.get(m.clientId);
    if (invoke && invoke.body !== m.body) wrong.push(`changed: ${m.clientId} was "${invoke.body}" and is "${m.body}"`);
  }
  return wrong;
}

function checkNumbers(truth: Truth): string[] {
  const wrong: string[] = [];
  for (const [conversation, events] of groupBy(truth.events, (e) => e.conversation)) {
    const seqs = events.map((e) => e.seq).sort((a, b) => a - b);
    const gap = seqs.findIndex((seq, i) => seq !== i + 1);
    if (gap >= 0) wrong.push(`numbers: conversation ${conversation} has ${seqs[gap]} where ${gap + 1} belongs`);
    const inOrderOfIds = [...events].sort((a, b) => a.id - b.id).map((e) => e.seq);
    if (inOrderOfIds.some((seq, i) => i > 0 && seq < inOrderOfIds[i - 1]!)) wrong.push(`numbers: events of conversation ${conversation} are told in another order than they are numbered`);
  }
  return wrong;
}

/** Each reader: in order, each once, the same as everybody, and in the end everything. */
function checkReaders(history: readonly Entry[], truth: Truth): string[] {
  const wrong: string[] = [];
  const byPlace = new Map(truth.events.map((e) => [`${e.conversation}/${e.seq}`, e]));
  const byConversation = groupBy(truth.events, (e) => e.conversation);
  for (const [who, received] of groupBy(ofKind(history, 'receive'), (e) => `${e.client} ${e.conversation}`)) {
    const [client, conversation] = who.split(' ') as [string, string];
    let last = 0;
    const seen = new Set<number>();
    for (const r of received) {
      const place = `${conversation}/${r.seq}`;
      if (seen.has(r.seq)) wrong.push(`doubled: ${client} received ${place} twice`);
      else if (r.seq < last) wrong.push(`re-ordered: ${client} received ${place} after ${last}`);
      seen.add(r.seq);
      last = Math.max(last, r.seq);
      const stored = byPlace.get(place);
      if (!stored) wrong.push(`unknown: ${client} received ${place}, which is not stored`);
      else if (stored.message !== r.message || stored.kind !== r.kind) wrong.push(`different: ${client} received another event as ${place} than is stored`);
    }
    const missing = byConversation.get(conversation)?.filter((e) => (e.isPublic || truth.seesAll.has(client)) && !seen.has(e.seq)) ?? [];
    if (missing.length > 0) wrong.push(`missed: ${client} never received ${missing.length} events of ${conversation}, the first is ${missing[0]!.seq}`);
  }
  return wrong;
}

function calmTimes(history: readonly Entry[], limits: Limits): (from: number, to: number) => boolean {
  const storms: [number, number][] = [];
  const open = new Map<string, number>();
  for (const e of history) {
    if (e.op === 'fault') open.set(e.name, e.at);
    else if (e.op === 'healed') {
      storms.push([open.get(e.name) ?? 0, e.at + limits.calmAfterMs]);
      open.delete(e.name);
    }
  }
  for (const at of open.values()) storms.push([at, Infinity]);
  return (from, to) => storms.every(([a, b]) => to < a || from > b);
}

/** Delivery is live, not only stored: in calm times a message that was acknowledged is with every live reader soon. */
function checkLive(history: readonly Entry[], limits: Limits): string[] {
  const wrong: string[] = [];
  const isCalm = calmTimes(history, limits);
  const acks = new Map(ofKind(history, 'ack').map((a) => [a.message, a]));
  let n = 0;
  for (const r of ofKind(history, 'receive')) {
    const ack = r.message === null || r.kind !== 'message.created' ? undefined : acks.get(r.message);
    if (!ack || !isCalm(ack.at, r.at)) continue;
    n++;
    if (r.at - ack.at > limits.liveMs) wrong.push(`late: ${r.client} received ${r.conversation}/${r.seq} ${r.at - ack.at} ms after it was acknowledged`);
  }
  if (n === 0 && acks.size > 0) wrong.push('nothing was delivered in calm times: the history shows nothing about live delivery');
  return wrong;
}

/** Who has what, event by event. What was resolved comes back to its agent with the customer's next word, however much they have: such ones are not counted until
 * somebody else has them. */
function checkCapacity(truth: Truth): string[] {
  const wrong: string[] = [];
  const resolvedBy = new Map<string, string | null>();
  const held = new Map<string, Set<string>>();
  const holder = new Map<string, string>();
  for (const e of [...truth.events].sort((a, b) => a.id - b.id)) {
    if (!e.head) continue;
    const before = holder.get(e.conversation);
    const isHeld = e.head.assignee !== null && (e.head.state === 'open' || e.head.state === 'waiting');
    if (before !== undefined) held.get(before)!.delete(e.conversation);
    holder.delete(e.conversation);
    if (e.head.state === 'resolved') resolvedBy.set(e.conversation, e.head.assignee);
    if (!isHeld) continue;
    const agent = e.head.assignee!;
    if (resolvedBy.get(e.conversation) === agent) continue;
    resolvedBy.delete(e.conversation);
    holder.set(e.conversation, agent);
    if (!held.has(agent)) held.set(agent, new Set());
    held.get(agent)!.add(e.conversation);
    const n = held.get(agent)!.size;
    const capacity = truth.capacity.get(agent);
    if (before !== agent && capacity !== undefined && n > capacity) wrong.push(`capacity: agent ${agent} had ${n} conversations of ${capacity} with event ${e.id}`);
  }
  return wrong;
}

/** A snooze ends once, and not before its time is over unless somebody else ended it. */
function checkTimers(history: readonly Entry[], truth: Truth): string[] {
  const wrong: string[] = [];
  const events = groupBy([...truth.events].sort((a, b) => a.seq - b.seq), (e) => e.conversation);
  const snoozes = groupBy(ofKind(history, 'snooze'), (s) => s.conversation);
  for (const [conversation, asked] of snoozes) {
    const states = (events.get(conversation) ?? []).flatMap((e) => (e.head ? [e.head.state] : []));
    const began = states.filter((s, i) => s === 'snoozed' && states[i - 1] !== 'snoozed').length;
    const ended = states.filter((s, i) => s !== 'snoozed' && states[i - 1] === 'snoozed').length;
    const wakings = truth.messages.filter((m) => m.conversation === conversation && m.tells === 'woken').length;
    if (began < asked.length) wrong.push(`timer: ${conversation} was put to sleep ${asked.length} times and slept ${began} times`);
    if (ended !== began) wrong.push(`timer: ${conversation} slept ${began} times and woke ${ended} times`);
    if (wakings > began) wrong.push(`timer: ${conversation} slept ${began} times and its waking was told ${wakings} times`);
  }
  return wrong;
}

function checkOutbox(truth: Truth): string[] {
  const sent = groupBy(truth.deliveries, (d) => `${d.kind} ${d.key}`);
  return [...sent].filter(([, times]) => times.length > 1).map(([key, times]) => `outbox: ${key} left ${times.length} times`);
}

export function check(history: readonly Entry[], truth: Truth, limits: Limits = LIMITS): string[] {
  const parts = [
    checkStored(history, truth),
    checkNumbers(truth),
    checkReaders(history, truth),
    checkLive(history, limits),
    checkCapacity(truth),
    checkTimers(history, truth),
    checkOutbox(truth),
  ];
  return parts.flatMap((part) => (part.length > MOST_TOLD ? [...part.slice(0, MOST_TOLD), `... and ${part.length - MOST_TOLD} more like these`] : part));
}

export interface Failover {
  /** From the fault to the new leader that may be written to. */
  promoteMs: number;
  /** From there to the first acknowledgement of each client that wrote. */
  clientMs: number[];
}

/** How long clients waited, for each fault after which another member was promoted. */
export function failovers(history: readonly Entry[], faults: ReadonlySet<string>): Failover[] {
  const out: Failover[] = [];
  const acks = groupBy(ofKind(history, 'ack'), (a) => a.client);
  const starts = ofKind(history, 'fault');
  for (const [i, fault] of starts.entries()) {
    if (!faults.has(fault.name.split(' ')[0]!)) continue;
    const end = starts[i + 1]?.at ?? Infinity;
    const promoted = history.find((e) => e.op === 'promoted' && e.at > fault.at && e.at < end);
    if (!promoted) continue;
    const waits = [...acks.values()].flatMap((mine) => {
      const first = mine.find((a) => a.at >= promoted.at);
      return first ? [first.at - promoted.at] : [];
    });
    out.push({ promoteMs: promoted.at - fault.at, clientMs: waits });
  }
  return out;
}
