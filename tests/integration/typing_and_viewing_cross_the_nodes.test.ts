import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { AgentClient } from './desk.js';
import { expectStatus } from './http.js';
import { NatsServer } from './nats.js';
import { LEASE_MS, Nodes, skipOnFile } from './nodes.js';
import type { Frame, SocketClient } from './sockets.js';

let nodes: Nodes;
let ann: AgentClient, ben: AgentClient;
let annSocket: SocketClient;
let conversation_id: string;
let customer: SocketClient;
let nats: NatsServer | null = null;

/** desk/viewing.h */
const VIEWING_TTL_MS = 4000;
const SOON_MS = { database: 4000, nats: 2000 };
async function within<T>(ms: number, what: Promise<T>): Promise<T> {
  const began = Date.now();
  const out = await what;
  assert.ok(Date.now() - began < ms, `took ${Date.now() - began} ms`);
  return out;
}
async function view(agent: AgentClient): Promise<SocketClient> {
  const socket = agent.openSocket();
  await socket.frame('live');
  socket.send({ t: 'view', conversation_id, open: true });
  await socket.frame('viewed');
  return socket;
}
const viewers = (f: Frame) => f.conversation_id === conversation_id && [...f.agent_ids].sort().join();
/** The newest word about it says exactly these. */
const seesViewers = (socket: SocketClient, ids: string[]) =>
  socket.until(`viewers ${ids}`, () => socket.frames.filter((f) => f.t === 'viewing').map(viewers).at(-1) === [...ids].sort().join());

/** Without a message server words between nodes are rows, seen within a second. */
for (const how of ['database', 'nats'] as const) {
  describe(`over ${how}`, () => {
    before(async () => {
      if (skipOnFile) return;
      nats = how === 'nats' ? await NatsServer.start() : null;
      nodes = await Nodes.start(2, {}, nats ? [`--bus.url=${nats.url}`] : []);
      ann = await nodes.desk.agent('Ann Here');
      ben = nodes.agentAt(nodes.b, await nodes.desk.agent('Ben There'));
      const visitor = await nodes.desk.visitor();
      conversation_id = (await visitor.say('who is there?')).conversation_id;
      visitor.conversationId = conversation_id;
      customer = nodes.visitorAt(nodes.a, visitor).openSocket();
      await customer.frame('live');
      annSocket = await view(ann);
    });
    after(async () => {
      await nodes?.dispose();
      await nats?.kill();
    });

    test('who has it open is seen on both nodes, whoever came first', { skip: skipOnFile }, async () => {
      const ben2 = await view(ben);
      await within(SOON_MS[how], seesViewers(annSocket, [ann.id, ben.id]));
      await within(SOON_MS[how], seesViewers(ben2, [ann.id, ben.id]));
      ben2.send({ t: 'view', conversation_id, open: false });
      await within(SOON_MS[how], seesViewers(annSocket, [ann.id]));
      ben2.close();
    });

    test('typing is seen on the other node, by those who may', { skip: skipOnFile }, async () => {
      const socket = await view(ben);
      await seesViewers(socket, [ann.id, ben.id]);
      socket.send({ t: 'typing', conversation_id, on: true, kind: 'public' });
      const seen = await within(SOON_MS[how], customer.frame('typing'));
      assert.deepEqual([seen.who.kind, seen.who.name, seen.on], ['agent', 'Ben There', true]);
      await within(SOON_MS[how], annSocket.frame('typing', (f) => f.who.id === ben.id));
      customer.send({ t: 'typing', on: true });
      await within(SOON_MS[how], socket.frame('typing', (f) => f.who.kind === 'customer' && f.on));
      customer.frames.length = 0;
      socket.send({ t: 'typing', conversation_id, on: false, kind: 'public' });
      await customer.frame('typing', (f) => !f.on);
      customer.frames.length = 0;
      await new Promise((r) => setTimeout(r, 1000));
      socket.send({ t: 'typing', conversation_id, on: true, kind: 'note' });
      await annSocket.frame('typing', (f) => f.note === true && f.who.id === ben.id);
      assert.equal(customer.frames.filter((f) => f.t === 'typing').length, 0, 'a note is not for the customer');
      socket.close();
      await seesViewers(annSocket, [ann.id]);
    });

    test('with the message server gone both go on as rows', { skip: skipOnFile || how === 'database' }, async () => {
        const socket = await view(ben);
        await seesViewers(annSocket, [ann.id, ben.id]);
        await nats!.kill();
        await new Promise((r) => setTimeout(r, VIEWING_TTL_MS + 1500)); /* what was said over it has run out */
        assert.equal(annSocket.frames.filter((f) => f.t === 'viewing').map(viewers).at(-1), [ann.id, ben.id].sort().join());
        annSocket.frames.length = 0;
        customer.send({ t: 'typing', on: false });
        customer.send({ t: 'typing', on: true });
        await within(SOON_MS.database, socket.frame('typing', (f) => f.who.kind === 'customer' && f.on));
        socket.send({ t: 'view', conversation_id, open: false });
        await within(SOON_MS.database, seesViewers(annSocket, [ann.id]));
        socket.close();
        await nats!.launch();
      });

      test('the viewers of a node that is killed are gone with its lease', { skip: skipOnFile }, async () => {
      await view(ben);
      await seesViewers(annSocket, [ann.id, ben.id]);
      await nodes.b.kill();
      await within(LEASE_MS + 4000, seesViewers(annSocket, [ann.id]));
      await expectStatus(200, ann.get('/api/v1/presence'));
    });
  });
}
