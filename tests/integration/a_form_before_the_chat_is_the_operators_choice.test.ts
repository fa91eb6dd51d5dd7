/** The form before a conversation: off at first, kept when a request does not speak of it, sent to the widget, and its topic is the conversation's. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clientId, Desk, Visitor } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

const FORM = {
  name: 'optional',
  email: 'required',
  topics: [
    { topic: 'deposit', label: { en: 'Deposits', 'zh-CN': '充值' } },
    { topic: 'account', label: { en: 'My account', 'zh-CN': '账户' } },
  ],
};
const OFF = { name: 'off', email: 'off', topics: [] };

/** What a console sends, with and without the form. */
async function store(extra: Record<string, unknown>, status = 200): Promise<any> {
  const list = await expectStatus<any>(200, desk.owner.get('/api/v1/inboxes'));
  const { id, version, name, allowed_origins, greeting, accent, bot_enabled } = list.items[0];
  const body = { name, allowed_origins, greeting, accent, bot_enabled, ...extra };
  return expectStatus<any>(status, desk.owner.put(`/api/v1/inboxes/${id}`, body, { 'if-match': `"v${version}"` }));
}
const sessionForm = async () => (await expectStatus<any>(200, new Visitor(desk.server.url).post('/api/v1/visitor/session', { inbox: desk.inbox.key }))).inbox.prechat;

test('a new inbox asks for nothing', async () => {
  assert.deepEqual(desk.inbox.prechat, OFF);
  assert.deepEqual(await sessionForm(), OFF);
});

test('the form is kept by a request that does not speak of it', async () => {
  assert.deepEqual((await store({ prechat: FORM })).prechat, FORM);
  assert.deepEqual(await sessionForm(), FORM);
  assert.deepEqual((await store({ name: 'Renamed' })).prechat, FORM);
  assert.deepEqual(await sessionForm(), FORM);
});

test('a form that is not one is refused by the field', async () => {
  const bad: [Record<string, unknown>, RegExp][] = [
    [{ ...FORM, email: 'perhaps' }, /email/],
    [{ name: 'off', email: 'off' }, /prechat/],
    [{ ...FORM, topics: [{ topic: 'Has Space', label: FORM.topics[0]!.label }] }, /topics/],
    [{ ...FORM, topics: [{ topic: 'deposit', label: { en: 'Deposits' } }] }, /zh-CN/],
    [{ ...FORM, topics: Array.from({ length: 9 }, () => FORM.topics[0]) }, /prechat/],
  ];
  for (const [prechat, field] of bad) {
    const problem = await store({ prechat }, 400);
    assert.match(JSON.stringify(problem.errors ?? problem), field);
  }
  assert.deepEqual(await sessionForm(), FORM);
});

test('what the customer chose is the topic of the conversation; what the form does not offer is not', async () => {
  for (const [topic, kept] of [['account', 'account'], ['vip-only', ''], [null, '']] as const) {
    const visitor = await Visitor.open(desk.server, desk.inbox.key);
    const message = await visitor.say('hello', { topic });
    const c = await expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${message.conversation_id}`));
    assert.equal(c.topic, kept, String(topic));
  }
});

test('through the socket as well, where the frame is gone before the message is stored', async () => {
  const visitors = await Promise.all(Array.from({ length: 8 }, () => Visitor.open(desk.server, desk.inbox.key)));
  await Promise.all(
    visitors.map(async (visitor) => {
      const line = visitor.openSocket();
      await line.frame('live');
      line.send({ t: 'send', message: { client_id: clientId(), body: 'hello', topic: 'account' } });
      const { conversation_id } = await line.frame('ack');
      line.close();
      const c = await expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${conversation_id}`));
      assert.equal(c.topic, 'account');
    }),
  );
});
