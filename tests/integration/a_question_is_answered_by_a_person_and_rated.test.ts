import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clientId, Desk } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

test('the customer asks, an agent is offered the conversation, answers, resolves; the customer rates', async () => {
  const agent = await desk.agent('Wei Zhang', 'agent', { languages: ['en', 'zh-CN'], capacity: 3 });
  const agentSocket = agent.openSocket();
  await agentSocket.frame('live');
  await expectStatus(200, agent.put('/api/v1/presence', { status: 'available' }));

  const visitor = await desk.visitor({ locale: 'zh-CN' });
  const first = await visitor.say('我的 USDT 充值没到账');
  const customerSocket = visitor.openSocket(0, null);
  const welcome = await customerSocket.frame('welcome');
  assert.equal(welcome.conversation_id, first.conversation_id);
  await customerSocket.event('message.created', (m) => m.id === first.id);
  await customerSocket.frame('live');

  const offered = await desk.accept(agent, agentSocket);
  assert.equal(offered.assignee_id, agent.id);
  assert.equal(offered.handler, 'agent');

  agentSocket.send({ t: 'send', conversation_id: first.conversation_id, message: { client_id: clientId(), kind: 'public', body: '您好，请把 TXID 发给我。', expect_seq: null } });
  const ack = await agentSocket.frame('ack');
  const reply = await customerSocket.event('message.created', (m) => m.author.kind === 'agent');
  assert.equal(reply.data.id, ack.message_id);
  assert.equal(reply.data.body, '您好，请把 TXID 发给我。');

  await expectStatus(200, agent.post(`/api/v1/conversations/${first.conversation_id}/state`, { state: 'resolved' }));
  await customerSocket.event('conversation.updated', (c) => c.state === 'resolved' && c.can_rate === true);
  await expectStatus(204, visitor.post('/api/v1/visitor/rating', { conversation_id: first.conversation_id, score: 5, comment: '很快' }));
  const rated = await agentSocket.event('rating.created', (r) => r.conversation_id === first.conversation_id);
  assert.equal(rated.data.score, 5);
  const again = await visitor.post('/api/v1/visitor/rating', { conversation_id: first.conversation_id, score: 1 });
  assert.equal(again.status, 409);
});
