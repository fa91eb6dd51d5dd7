/** One run: people talk through HAProxy while faults happen, then everything is made whole, and the checker judges what was recorded. */
import { join } from 'node:path';

import { AgentClient, PASSWORD, Visitor } from '../integration/desk.js';
import { check, failovers, type Failover, type Truth } from './checker.js';
import type { Cluster } from './cluster.js';
import { inject, LEADER_FAULTS, makeRandom, schedule } from './faults.js';
import { History } from './history.js';
import { AgentPerson, clientId, expectStatus, persist, Person, VisitorPerson } from './people.js';
import { sleep, until } from './process.js';

const N_VISITORS = 6;
const N_AGENTS = 3;
const CAPACITY = 2;
const IN_FLIGHT = 4;
const PACE_MS = 120;
const SETTLE_MS = 60_000;

export interface Outcome {
  wrong: string[];
  n: { faults: number; acknowledged: number; stored: number; received: number; conversations: number; snoozes: number; stale: number };
  failovers: Failover[];
  history: string;
}

export class Story {
  readonly history: History;
  private readonly people: Person[] = [];
  private readonly talks: { person: Person; conversation: string }[] = [];
  private owner!: AgentClient;
  private inboxKey = '';
  private agents: { client: AgentClient; person: AgentPerson }[] = [];
  private readonly capacity = new Map<string, number>();
  private readonly chores: Promise<void>[] = [];
  private isOver = false;

  constructor(
    private readonly cluster: Cluster,
    readonly seed: number,
  ) {
    this.history = new History(join(cluster.dir, 'history.jsonl'));
  }

  /* ---- who is there ---- */

  async open(): Promise<void> {
    const url = this.cluster.url;
    // Behind a proxy the first owner needs the token that a node printed; on the node itself not.
    this.owner = new AgentClient(`http://127.0.0.1:${this.cluster.nodes[0]!.port}`);
    const me = await expectStatus<any>(201, this.owner.post('/api/v1/setup', { email: 'owner@desk.example', name: 'Olive Owner', password: PASSWORD, brand: 'Nova Exchange' }));
    this.owner.csrf = me.csrf_token;
    this.owner.id = me.agent.id;
    this.owner.baseUrl = url;
    await this.patchAgent(me.agent, { capacity: 0 });
    const inbox = await expectStatus<any>(
      201,
      this.owner.post('/api/v1/inboxes', { name: 'Web', allowed_origins: [url], greeting: { en: 'Hi', 'zh-CN': '您好' }, accent: '#0f766e', bot_enabled: false }),
    );
    this.inboxKey = inbox.key;
    const watcher = new AgentPerson('olive', this.history, this.owner);
    this.people.push(watcher);
    await this.openTalks(watcher);
    for (let i = 0; i < N_AGENTS; i++) await this.openAgent(`Agent ${i}`);
    for (const p of this.people) p.start();
  }

  private visitor(): Promise<Visitor> {
    return Visitor.open({ url: this.cluster.url } as never, this.inboxKey);
  }

  private async patchAgent(agent: any, patch: Record<string, unknown>): Promise<void> {
    await expectStatus(200, this.owner.patch(`/api/v1/agents/${agent.id}`, patch, { 'if-match': `"v${agent.version}"` }));
  }

  /** Conversations that last: a visitor and the owner in each, both writing, both reading. */
  private async openTalks(watcher: AgentPerson): Promise<void> {
    for (let i = 0; i < N_VISITORS; i++) {
      const visitor = await this.visitor();
      const { conversation_id: conversation } = await visitor.say('hello');
      await expectStatus(200, this.owner.post(`/api/v1/conversations/${conversation}/assignment`, { agent_id: this.owner.id }));
      const person = new VisitorPerson(`v${i}`, this.history, visitor, conversation);
      watcher.follow(conversation);
      this.people.push(person);
      this.talks.push({ person, conversation }, { person: watcher, conversation });
    }
  }

  private async openAgent(name: string): Promise<void> {
    const email = `${name.toLowerCase().replaceAll(' ', '.')}@desk.example`;
    const roles = await expectStatus<any>(200, this.owner.get('/api/v1/roles'));
    const role = roles.items.find((r: any) => r.key === 'agent').id;
    const invitation = await expectStatus<any>(201, this.owner.post('/api/v1/invitations', { email, role_id: role }));
    const client = new AgentClient(this.cluster.url);
    const me = await expectStatus<any>(201, client.post('/api/v1/invitation-acceptances', { token: new URL(invitation.link, client.baseUrl).hash.slice(1), name, password: PASSWORD }));
    client.csrf = me.csrf_token;
    client.id = me.agent.id;
    await this.patchAgent(me.agent, { capacity: CAPACITY });
    this.capacity.set(me.agent.id, CAPACITY);
    const person = new AgentPerson(name.replace(' ', '').toLowerCase(), this.history, client);
    person.onOffer = (offer) => this.chore(() => this.serve(client, offer));
    this.agents.push({ client, person });
    this.people.push(person);
  }

  /* ---- what they do ---- */

  private chore(work: () => Promise<void>): void {
    const done = work().catch((e) => {
      this.problems.push(String(e));
    });
    this.chores.push(done);
  }
  private readonly problems: string[] = [];
  private nStale = 0;

  private async talk(person: Person, conversation: string): Promise<void> {
    while (!this.isOver) {
      if (person.unacknowledged < IN_FLIGHT * N_VISITORS) person.say(conversation);
      await sleep(PACE_MS * (0.5 + Math.random()));
    }
  }

  /** An offer is accepted, answered and resolved; who comes too late is told so. */
  private async serve(client: AgentClient, offer: any): Promise<void> {
    const answer = await persist('an offer', async () => {
      const got = await client.post(`/api/v1/offers/${offer.id}`, { accept: true });
      if (got.status >= 500) throw new Error(`status ${got.status}`);
      return got;
    });
    if (answer.status !== 200) return;
    await sleep(500 + Math.random() * 1500);
    const done = await persist('to resolve', async () => {
      const got = await client.post(`/api/v1/conversations/${offer.conversation_id}/state`, { state: 'resolved' });
      if (got.status >= 500) throw new Error(`status ${got.status}`);
      return got;
    });
    if (done.status >= 400 && done.status !== 409) this.problems.push(`resolving: ${JSON.stringify(done.body)}`);
  }

  /** A first message; 200 when an earlier try arrived after all. */
  private say(visitor: Visitor, body: string): Promise<string> {
    const message = { client_id: clientId(), body };
    return persist('a first message', async () => {
      const answer = await visitor.post('/api/v1/visitor/messages', message);
      // A node that still reads from a leader that nobody deposed does not see the session that another node has just made. It lasts a second or two; without a
      // watchdog nothing prevents it. Counted, and asked again.
      if (answer.status === 401) this.nStale++;
      if (answer.status !== 201 && answer.status !== 200) throw new Error(`status ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body.conversation_id;
    });
  }

  /** People who come in with one question, so that offers are made all the time. */
  private async walkIns(): Promise<void> {
    for (let n = 0; !this.isOver; n++) {
      const visitor = await persist('a visitor', () => this.visitor());
      await this.say(visitor, `walk-in ${n}`);
      await sleep(400 + Math.random() * 800);
    }
  }

  /** Conversations that sleep for a few seconds, over and over, each its own. */
  private async snoozes(): Promise<void> {
    for (let n = 0; !this.isOver; n++) {
      const visitor = await persist('a visitor', () => this.visitor());
      const id = await this.say(visitor, `sleeper ${n}`);
      await persist('to assign', () => expectStatus(200, this.owner.post(`/api/v1/conversations/${id}/assignment`, { agent_id: this.owner.id })));
      // Somebody else may have been offered it meanwhile, and be done with it.
      const { status, until } = await persist('to snooze', async () => {
        const until = Date.now() + 2000 + Math.random() * 4000;
        const answer = await this.owner.post(`/api/v1/conversations/${id}/state`, { state: 'snoozed', snoozed_until: new Date(until).toISOString() });
        if (answer.status !== 200 && answer.body.code !== 'state') throw new Error(`status ${answer.status} ${JSON.stringify(answer.body)}`);
        return { status: answer.status, until };
      });
      if (status === 200) {
        this.history.add({ op: 'snooze', client: 'olive', conversation: id, until });
        this.sleepers.push(id);
      }
      await sleep(1500);
    }
  }
  private readonly sleepers: string[] = [];

  private async beAvailable(): Promise<void> {
    for (const { client } of this.agents) await persist('presence', () => expectStatus(200, client.put('/api/v1/presence', { status: 'available' })));
  }

  /* ---- the run ---- */

  async run(nFaults: number, tell: (line: string) => void): Promise<Outcome> {
    const random = makeRandom(this.seed);
    await this.open();
    await this.beAvailable();
    for (const { person, conversation } of this.talks) this.chore(() => this.talk(person, conversation));
    this.chore(() => this.walkIns());
    this.chore(() => this.snoozes());
    await sleep(2000);
    let n = 0;
    for (const fault of schedule(random, nFaults)) {
      const from = this.history.now;
      await inject(this.cluster, this.history, fault, random);
      tell(`${String(++n).padStart(3)} ${fault.name}, ${((this.history.now - from) / 1000).toFixed(1)} s`);
      await sleep(500 + random() * 1000);
    }
    await this.settle();
    return this.judge(nFaults);
  }

  /** Everybody leaves, whatever is still on its way. */
  async abandon(): Promise<void> {
    this.isOver = true;
    for (const p of this.people) p.stop();
    await this.history.close();
  }

  /** Nobody writes any more, everybody hears the rest. */
  private async settle(): Promise<void> {
    // So long that the checker has seen calm times.
    await sleep(8000);
    this.isOver = true;
    await this.cluster.whole();
    await until('all acknowledgements', SETTLE_MS, () => this.people.every((p) => p.unacknowledged === 0));
    await Promise.all(this.chores);
    const leader = await this.cluster.database.leader();
    await until('the sleepers', SETTLE_MS, async () => {
      const [row] = await leader.sql(`SELECT count(*) FROM conversations WHERE id IN (${[0, ...this.sleepers].join(',')}) AND snoozed_until IS NOT NULL`);
      return row![0] === '0';
    });
    const truth = await this.truth();
    await until('the readers', SETTLE_MS, () => this.everybodyHeard(truth)).catch(() => undefined); // the checker says who did not
  }

  private everybodyHeard(truth: Truth): boolean {
    const last = new Map<string, number>();
    for (const e of this.history.entries) if (e.op === 'receive') last.set(`${e.client} ${e.conversation}`, e.seq);
    return this.talks.every(({ person, conversation }) => {
      const visible = truth.events.filter((e) => e.conversation === conversation && (e.isPublic || truth.seesAll.has(person.name)));
      return (last.get(`${person.name} ${conversation}`) ?? 0) >= Math.max(0, ...visible.map((e) => e.seq));
    });
  }

  async truth(): Promise<Truth> {
    const leader = await this.cluster.database.leader();
    const messages = await leader.sql('SELECT id, conversation_id, seq, coalesce(client_id, \'\'), body, is_public, coalesce(meta::json->>\'event\', \'\') FROM messages');
    const events = await leader.sql(
      `SELECT id, conversation_id, seq, kind, is_public, coalesce(CASE WHEN kind LIKE 'message.%' THEN payload::json->>'id' END, ''),
              coalesce(CASE WHEN kind LIKE 'conversation.%' THEN payload::json->>'state' END, ''),
              coalesce(CASE WHEN kind LIKE 'conversation.%' THEN payload::json->>'assignee_id' END, '')
       FROM events WHERE conversation_id IS NOT NULL ORDER BY id`,
    );
    return {
      messages: messages.map(([id, conversation, seq, client, body, pub, tells]) => ({ id: id!, conversation: conversation!, seq: Number(seq), clientId: client || null, body: body!, isPublic: pub === '1', ...(tells && { tells }) })),
      events: events.map(([id, conversation, seq, kind, pub, message, state, assignee]) => ({
        id: Number(id),
        conversation: conversation!,
        seq: Number(seq),
        kind: kind!,
        isPublic: pub === '1',
        message: message || null,
        head: state ? { state, assignee: assignee || null } : null,
      })),
      capacity: this.capacity,
      seesAll: new Set(['olive']),
      deliveries: [],
    };
  }

  private async judge(nFaults: number): Promise<Outcome> {
    const truth = await this.truth();
    for (const p of this.people) p.stop();
    await this.history.close();
    const count = (op: string) => this.history.entries.filter((e) => e.op === op).length;
    return {
      wrong: [...check(this.history.entries, truth), ...this.problems],
      n: {
        faults: nFaults,
        acknowledged: count('ack'),
        stored: truth.messages.length,
        received: count('receive'),
        conversations: new Set(truth.events.map((e) => e.conversation)).size,
        snoozes: count('snooze'),
        stale: this.nStale,
      },
      failovers: failovers(this.history.entries, new Set(LEADER_FAULTS)),
      history: this.history.path,
    };
  }
}
