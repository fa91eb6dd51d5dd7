import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { clientId, PASSWORD, type AgentClient } from './desk.js';
import { expectStatus } from './http.js';
import { eventually, LEASE_MS, Nodes, skipOnFile, sleep } from './nodes.js';
import { rowsOf, Server } from './server.js';
import type { SocketClient } from './sockets.js';

let nodes: Nodes;
before(async () => {
  if (skipOnFile) return;
  nodes = await Nodes.start(2, {}, ['--presence.grace=3s']);
  await expectStatus(200, nodes.desk.owner.put('/api/v1/presence', { status: 'away' }));
});
after(() => nodes?.dispose());

/** Without NATS a node looks each second. */
const SOON_MS = 4000; // twice what it takes on a machine that is busy with other things

/** Takes no offers of the next test. */
async function leave(agent: AgentClient, ...sockets: SocketClient[]): Promise<void> {
  await expectStatus(200, agent.put('/api/v1/presence', { status: 'away' }));
  for (const socket of sockets) socket.close();
}
const presenceOf = async (agent: AgentClient, id: string): Promise<any> =>
  (await expectStatus<any>(200, agent.get('/api/v1/presence'))).items.find((p: any) => p.agent_id === id);
/** How long something took that had to be quick. */
async function within<T>(ms: number, what: Promise<T>): Promise<T> {
  const began = Date.now();
  const out = await what;
  assert.ok(Date.now() - began < ms, `took ${Date.now() - began} ms`);
  return out;
}
async function open(agent: AgentClient): Promise<SocketClient> {
  const socket = agent.openSocket();
  await socket.frame('welcome');
  return socket;
}

test('the customer is on one node, the agent on the other: offer, messages both ways, receipts', { skip: skipOnFile }, async () => {
  const agent = await nodes.desk.agent('Bea Beside');
  const atB = nodes.agentAt(nodes.b, agent);
  const socket = await open(atB);
  const visitor = await nodes.desk.visitor();
  const first = await visitor.say('hello over there');
  const { offer } = await within(SOON_MS, socket.frame('offer', (f) => f.offer.conversation_id === first.conversation_id));
  const heard = visitor.openSocket(0, first.conversation_id);
  await heard.frame('live');
  await expectStatus(200, atB.post(`/api/v1/offers/${offer.id}`, { accept: true }));
  socket.send({ t: 'view', conversation_id: first.conversation_id, open: true });
  await socket.frame('viewed');
  await expectStatus(201, atB.post(`/api/v1/conversations/${first.conversation_id}/messages`, { client_id: clientId(), kind: 'public', body: 'hello back' }));
  await within(SOON_MS, heard.event('message.created', (d) => d.body === 'hello back'));
  await visitor.say('and again');
  const again = await within(SOON_MS, socket.event('message.created', (d) => d.body === 'and again'));
  heard.send({ t: 'read', seq: again.seq });
  await within(SOON_MS, socket.frame('receipt', (f) => f.customer_read_seq >= again.seq));
  heard.close();
  await leave(atB, socket);
});

test('who is online on one node is online for everybody, until the last socket of all nodes is gone', { skip: skipOnFile }, async () => {
  const watcher = await open(nodes.desk.owner);
  const agent = await nodes.desk.agent('Paul Present');
  const here = await open(nodes.agentAt(nodes.a, agent));
  const there = await open(nodes.agentAt(nodes.b, agent));
  await watcher.frame('presence', (f) => f.presence.agent_id === agent.id && f.presence.is_online);
  await expectStatus(200, nodes.agentAt(nodes.b, agent).put('/api/v1/presence', { status: 'busy' }));
  await within(SOON_MS, watcher.frame('presence', (f) => f.presence.agent_id === agent.id && f.presence.status === 'busy'));
  here.close();
  await sleep(300);
  /* Signed out at b: the grace is a second. The other node must not think that somebody is there, nor that nobody was. */
  await expectStatus(204, nodes.agentAt(nodes.a, agent).delete('/api/v1/session'));
  assert.equal(await within(SOON_MS, there.closed()), 4003);
  await eventually('offline', 4000, async () => !(await presenceOf(nodes.desk.owner, agent.id)).is_online);
  await watcher.frame('presence', (f) => f.presence.agent_id === agent.id && !f.presence.is_online);
  watcher.close();
});

test('a socket is not opened with a session that has ended, though this node has not heard of it', { skip: skipOnFile }, async () => {
  const agent = nodes.agentAt(nodes.b, await nodes.desk.agent('Lea Late'));
  await expectStatus(200, agent.get('/api/v1/presence')); // remembered for some seconds
  rowsOf(nodes.a.dir, `DELETE FROM sessions WHERE agent_id = ${agent.id}`); // nobody tells
  await expectStatus(200, agent.get('/api/v1/presence'));
  assert.equal(await within(SOON_MS, agent.openSocket().closed()), 4003);
});

test('what is done to an agent on one node is felt on the other: role, password, end', { skip: skipOnFile }, async () => {
  const agent = await nodes.desk.agent('Rosa Role');
  const atB = nodes.agentAt(nodes.b, agent);
  let socket = await open(atB);
  await expectStatus(200, atB.get('/api/v1/conversations')); /* what she may is kept there now */
  const me = async () => (await expectStatus<any>(200, nodes.desk.owner.get('/api/v1/agents'))).items.find((a: any) => a.id === agent.id);
  const role = async (key: string) => {
    const now = await me();
    await expectStatus(200, nodes.desk.owner.patch(`/api/v1/agents/${agent.id}`, { role_id: await nodes.desk.roleId(key) }, { 'if-match': `"v${now.version}"` }));
  };
  await role('supervisor');
  assert.equal(await within(SOON_MS, socket.closed()), 4008);
  const session = await expectStatus<any>(200, atB.get('/api/v1/session'));
  assert.equal(session.agent.role_name, (await me()).role_name);

  socket = await open(atB);
  /* A password that is changed ends all other sessions. */
  const elsewhere = nodes.agentAt(nodes.a, agent);
  await elsewhere.signIn('rosa.role@desk.example');
  await expectStatus(204, elsewhere.post('/api/v1/me/password', { current: PASSWORD, new: `${PASSWORD} two` }));
  assert.equal(await within(SOON_MS, socket.closed()), 4003);

  const again = nodes.agentAt(nodes.b, elsewhere);
  socket = await open(again);
  const now = await me();
  await expectStatus(200, nodes.desk.owner.patch(`/api/v1/agents/${agent.id}`, { is_active: false }, { 'if-match': `"v${now.version}"` }));
  assert.equal(await within(SOON_MS, socket.closed()), 4003);
  assert.equal((await again.get('/api/v1/session')).status, 401);
});

test('settings of the desk changed on one node hold on the other', { skip: skipOnFile }, async () => {
  const { owner } = nodes.desk;
  const agent = await nodes.desk.agent('Tim Timeout');
  const socket = await open(nodes.agentAt(nodes.b, agent));
  const before = await expectStatus<any>(200, owner.get('/api/v1/workspace'));
  await expectStatus(200, owner.patch('/api/v1/workspace', { offer_timeout_s: 5 }, { 'if-match': `"v${before.version}"` }));
  await sleep(2000);
  const visitor = nodes.visitorAt(nodes.b, await nodes.desk.visitor());
  const message = await visitor.say('how long will you ring?');
  const { offer } = await socket.frame('offer', (f) => f.offer.conversation_id === message.conversation_id);
  assert.ok(Date.parse(offer.expires_at) - Date.now() < 6000);
  await socket.frame('offer_gone', (f) => f.id === offer.id); /* and it does end, whichever node has the timer */
  await leave(agent, socket);
});

test('the nodes are listed for those who look after them', { skip: skipOnFile }, async () => {
  const { items } = await expectStatus<any>(200, nodes.desk.owner.get('/api/v1/nodes'));
  assert.equal(items.length, 2);
  assert.deepEqual(items.map((n: any) => n.is_this), [false, true]);
  assert.ok(items.every((n: any) => n.ended_at === null));
  /* A folder each, as far as they know. */
  await eventually('a warning', 3000, async () => /files/.test((await expectStatus<any>(200, nodes.desk.owner.get('/readyz'))).warnings.join()));
  const agent = await nodes.desk.agent('Nora Nodes');
  assert.equal((await agent.get('/api/v1/nodes')).status, 403);
});

test('a program with another key is told so, and does not begin', { skip: skipOnFile }, async () => {
  const key = join(nodes.a.dir, 'other.key');
  writeFileSync(key, randomBytes(32));
  await assert.rejects(Server.start({ dir: nodes.a.dir, settings: [`--data.key_file=${key}`] }), /not the key of this installation/);
});

test('an agent whose node is killed comes back at another one and was never offline', { skip: skipOnFile }, async () => {
  const agent = await nodes.desk.agent('Kim Killed'), idle = await nodes.desk.agent('Ida Idle');
  const watcher = await open(nodes.desk.owner);
  await open(nodes.agentAt(nodes.b, agent));
  await open(nodes.agentAt(nodes.b, idle));
  await watcher.frame('presence', (f) => f.presence.agent_id === idle.id && f.presence.is_online);
  watcher.frames.length = 0;
  await nodes.b.kill();
  const back = await open(nodes.agentAt(nodes.a, agent));
  /* Past the lease and the beginning of the grace: the other one, who does not come back, is given the grace from the lease's end. */
  await eventually('the end of the lease', LEASE_MS + 3000, async () =>
    (await expectStatus<any>(200, nodes.desk.owner.get('/api/v1/nodes'))).items.some((n: any) => n.ended_at !== null),
  );
  await sleep(500);
  assert.equal((await presenceOf(nodes.desk.owner, agent.id)).is_online, true);
  assert.equal(watcher.frames.some((f) => f.t === 'presence' && f.presence.agent_id === agent.id && !f.presence.is_online), false);
  await eventually('offline', 8000, async () => !(await presenceOf(nodes.desk.owner, idle.id)).is_online);
  assert.equal((await presenceOf(nodes.desk.owner, agent.id)).is_online, true);
  back.close();
  watcher.close();
  await nodes.b.launch();
});

test('a node that was paused beyond its lease sends its sockets away and takes a new one', { skip: skipOnFile }, async () => {
  const agent = await nodes.desk.agent('Stan Stopped');
  const atB = nodes.agentAt(nodes.b, agent);
  const socket = await open(atB);
  const lease = async () => (await expectStatus<any>(200, nodes.desk.owner.get('/api/v1/nodes'))).items.filter((n: any) => !n.is_this && n.ended_at === null);
  const [before] = await eventually('b', 3000, async () => ((await lease()).length === 1 ? lease() : null));
  process.kill(nodes.b.pid, 'SIGSTOP');
  await eventually('the end of the lease', LEASE_MS + 3000, async () => (await lease()).length === 0);
  process.kill(nodes.b.pid, 'SIGCONT');
  assert.equal(await within(SOON_MS, socket.closed()), 4008);
  const [now] = await eventually('a new lease', 3000, async () => ((await lease()).length === 1 ? lease() : null));
  assert.ok(BigInt(now.id) > BigInt(before.id));
  const back = await open(atB);
  await sleep(1000);
  assert.equal((await presenceOf(nodes.desk.owner, agent.id)).is_online, true);
  back.close();
});
