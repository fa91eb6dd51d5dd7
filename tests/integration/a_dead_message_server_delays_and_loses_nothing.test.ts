import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';

import { clientId, type AgentClient, type Visitor } from './desk.js';
import { expectStatus } from './http.js';
import { NatsServer } from './nats.js';
import { eventually, Nodes, skipOnFile, sleep } from './nodes.js';
import { binary, type Server } from './server.js';
import type { SocketClient } from './sockets.js';

/** A node looks each second by itself. */
const WITHOUT_MS = 2000;

let nats: NatsServer;
let nodes: Nodes;
let agent: AgentClient; // at node B, the customer at node A
let visitor: Visitor;
let agentSocket: SocketClient;
let visitorSocket: SocketClient;
let conversation: string;
const said: string[] = [];

before(async () => {
  if (skipOnFile) return;
  nats = await NatsServer.start();
  nodes = await Nodes.start(2, {}, [`--bus.url=${nats.url}`, '--bus.prefix=test.desk']);
  agent = nodes.agentAt(nodes.b, nodes.desk.owner);
  agentSocket = agent.openSocket();
  await agentSocket.frame('live');
  visitor = await nodes.desk.visitor();
  conversation = (await visitor.say('hello')).conversation_id;
  await expectStatus(200, agent.post(`/api/v1/conversations/${conversation}/assignment`, { agent_id: agent.id }));
  visitorSocket = visitor.openSocket(0, conversation);
  await visitorSocket.frame('live');
  agentSocket.send({ t: 'view', conversation_id: conversation, open: true });
});
after(async () => {
  agentSocket?.close();
  visitorSocket?.close();
  await nodes?.dispose();
  await nats?.kill();
});

const gauge = async (server: Server, name: string): Promise<number> => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^stablehand_bus_${name} (\\S+)$`, 'm').exec(text)?.[1]);
};
const connected = async (server: Server, want: number) =>
  eventually(`bus ${want === 1 ? 'connected' : 'disconnected'}`, 10_000, async () => (await gauge(server, 'connected')) === want);

/** Both ways across the nodes; how long each took from the answer to its sender until the other side had it, in milliseconds. */
async function chat(word: string): Promise<number[]> {
  const times: number[] = [];
  for (const [socket, say] of [
    [agentSocket, (body: string) => visitor.say(body)],
    [visitorSocket, (body: string) => expectStatus(201, agent.post(`/api/v1/conversations/${conversation}/messages`, { client_id: clientId(), kind: 'public', body }))],
  ] as const) {
    const body = `${word} ${said.length}`;
    said.push(body);
    await say(body);
    const began = performance.now();
    await socket.event('message.created', (m) => m.body === body);
    times.push(performance.now() - began);
  }
  return times;
}
const median = (times: number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1]!;

test('with the message server a word is on the other node at once', { skip: skipOnFile }, async () => {
  await connected(nodes.a, 1);
  await connected(nodes.b, 1);
  const times: number[] = [];
  for (let i = 0; i < 10; i++) times.push(...(await chat('quick')));
  console.log(`with: median ${median(times).toFixed(1)} ms, longest ${Math.max(...times).toFixed(1)} ms`);
  assert.ok(median(times) < 150, `median ${median(times)} ms`);
  assert.ok((await gauge(nodes.b, 'hints_received')) > 0);
});

test('when it is killed in mid-chat a word takes two seconds at most', { skip: skipOnFile }, async () => {
  await nats.kill();
  await connected(nodes.a, 0);
  await connected(nodes.b, 0);
  const times: number[] = [];
  for (let i = 0; i < 4; i++) times.push(...(await chat('slow')));
  console.log(`without: median ${median(times).toFixed(1)} ms, longest ${Math.max(...times).toFixed(1)} ms`);
  assert.ok(Math.max(...times) < WITHOUT_MS, `${times}`);
  const health = await fetch(`${nodes.a.url}/readyz`);
  assert.equal(health.status, 200);
});

test('a node starts without it', { skip: skipOnFile }, async () => {
  assert.equal(await nodes.b.stop(), 0);
  await nodes.b.launch();
  agentSocket = agent.openSocket();
  await agentSocket.frame('live');
  agentSocket.send({ t: 'view', conversation_id: conversation, open: true });
  assert.ok(Math.max(...(await chat('slow'))) < WITHOUT_MS);
});

test('when it comes back the nodes find it by themselves, and nothing was lost or doubled', { skip: skipOnFile }, async () => {
  await nats.launch();
  await connected(nodes.a, 1);
  await connected(nodes.b, 1);
  await sleep(100);
  const times: number[] = [];
  for (let i = 0; i < 5; i++) times.push(...(await chat('quick')));
  assert.ok(median(times) < 150, `median ${median(times)} ms`);
  const page = await expectStatus<any>(200, agent.get(`/api/v1/conversations/${conversation}/messages?limit=100`));
  const stored = page.items.filter((m: any) => m.kind === 'public').map((m: any) => m.body).reverse();
  assert.deepEqual(stored.slice(-said.length), said);
  assert.deepEqual(visitorSocket.messages().map((m) => m.body).slice(-said.length), said);
});

test('the doctor says who answers', { skip: skipOnFile }, () => {
  const { STABLEHAND_BIN: _, ...env } = process.env;
  const doctor = (url: string) => spawnSync(binary, ['doctor', `--data=${nodes.a.dir}`, `--bus.url=${url}`], { encoding: 'utf8', env }).stdout;
  assert.match(doctor(nats.url), /^ok +bus +127\.0\.0\.1:\d+ answers in [\d.]+ ms \(2\.[\d.]+\)/m);
  assert.match(doctor(`${nats.url},nats://desk:secret@127.0.0.1:1`), /^warning +bus .*127\.0\.0\.1:1 does not answer$/m);
  assert.doesNotMatch(doctor(`nats://desk:secret@127.0.0.1:1`), /secret/);
});
