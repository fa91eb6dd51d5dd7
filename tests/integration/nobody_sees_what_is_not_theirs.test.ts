import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clientId, Desk } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

test('a visitor reaches nothing of another visitor', async () => {
  const [a, b] = [await desk.visitor(), await desk.visitor()];
  const secret = await a.say('my order 42');
  for (const path of [`/api/v1/visitor/conversations/${secret.conversation_id}/messages`, `/api/v1/visitor/conversations/${secret.conversation_id}/transcript`]) {
    assert.equal((await b.get(path)).status, 404, path);
  }
  const file = await expectStatus<any>(201, a.call('POST', '/api/v1/visitor/files?name=a.txt', new TextEncoder().encode('hello'), { 'content-type': 'application/octet-stream' }));
  assert.equal((await b.get(`/api/v1/visitor/files/${file.id}`)).status, 404);
  await b.say('mine');
  const stolen = await b.post('/api/v1/visitor/messages', { client_id: clientId(), body: 'x', file_ids: [file.id] });
  assert.equal(stolen.status, 400);
});

test('a visitor token opens no agent door, and an agent session no visitor door', async () => {
  const visitor = await desk.visitor();
  assert.equal((await visitor.get('/api/v1/conversations')).status, 401);
  assert.equal((await desk.owner.get('/api/v1/visitor/conversations')).status, 401);
});

test('an agent sees own teams and what has no team, never another team; search and files alike', async () => {
  const [inside, outside] = [await desk.agent('In Side'), await desk.agent('Out Side')];
  const team = await expectStatus<any>(201, desk.owner.post('/api/v1/teams', { name: 'VIP', agent_ids: [inside.id] }));
  const visitor = await desk.visitor();
  const message = await visitor.say('whaletransfer stuck');
  const conversation = message.conversation_id;
  await expectStatus(200, desk.owner.post(`/api/v1/conversations/${conversation}/assignment`, { team_id: team.id }));
  assert.equal((await inside.get(`/api/v1/conversations/${conversation}`)).status, 200);
  for (const path of [`/api/v1/conversations/${conversation}`, `/api/v1/conversations/${conversation}/messages`, `/api/v1/conversations/${conversation}/events`]) {
    assert.equal((await outside.get(path)).status, 404, path);
  }
  const reply = await outside.post(`/api/v1/conversations/${conversation}/messages`, { client_id: clientId(), kind: 'public', body: 'hi' });
  assert.equal(reply.status, 404);
  const deadline = Date.now() + 10_000;
  let hits: any[] = [];
  while (hits.length === 0 && Date.now() < deadline)
    hits = (await expectStatus<any>(200, inside.get('/api/v1/search/messages?q=whaletransfer'))).items;
  assert.equal(hits.length, 1);
  assert.equal((await expectStatus<any>(200, outside.get('/api/v1/search/messages?q=whaletransfer'))).items.length, 0);
  const list = await expectStatus<any>(200, outside.get('/api/v1/conversations?view=all'));
  assert.ok(!list.items.some((c: any) => c.id === conversation));
});

test('an agent without the permission is refused, by name', async () => {
  const agent = await desk.agent('Plain Agent');
  const answers = await Promise.all([
    agent.post('/api/v1/teams', { name: 'x' }),
    agent.post('/api/v1/api-keys', { name: 'x', scopes: ['conversation.read'] }),
    agent.post('/api/v1/invitations', { email: 'x@y.example', role_id: '1' }),
    agent.post('/api/v1/inboxes', { name: 'x', allowed_origins: [], greeting: { en: '', 'zh-CN': '' }, accent: '#000000', bot_enabled: false }),
  ]);
  assert.deepEqual(answers.map((a) => a.status), [403, 403, 403, 403]);
});

test('a write without the CSRF token is refused', async () => {
  const csrf = desk.owner.csrf;
  desk.owner.csrf = null;
  const answer = await desk.owner.post('/api/v1/teams', { name: 'forged' });
  desk.owner.csrf = csrf;
  assert.equal(answer.status, 403);
});
