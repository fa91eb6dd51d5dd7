/** Mentions reach the colleague wherever they are; drafts are known on every device. Both only where the agent may look. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clientId, Desk, type AgentClient } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
let mei: AgentClient;
let outsider: AgentClient;
before(async () => {
  desk = await Desk.start();
  mei = await desk.agent('Mei');
  outsider = await desk.agent('Otto');
});
after(() => desk?.dispose());

const note = (agent: AgentClient, conversation: string, body: string, ...mentions: AgentClient[]) =>
  expectStatus<any>(201, agent.post(`/api/v1/conversations/${conversation}/messages`, { client_id: clientId(), kind: 'note', body, mentions: mentions.map((m) => m.id) }));
const mentions = (agent: AgentClient, query = '') => expectStatus<any>(200, agent.get(`/api/v1/mentions${query}`));
const begin = async () => (await (await desk.visitor()).say('hello')).conversation_id as string;

test('who is mentioned hears of it without watching, sees the count after a reload, and reading to it settles it in every tab', async () => {
  const id = await begin();
  const [a, b] = [mei.openSocket(null, 'tab-a'), mei.openSocket(null, 'tab-b')];
  await a.frame('live');
  await b.frame('live');
  const made = await note(desk.owner, id, '@Mei please look', mei);
  for (const tab of [a, b]) {
    const { mention } = await tab.frame('mention');
    assert.equal(mention.conversation_id, id);
    assert.equal(mention.preview, '@Mei please look');
    assert.equal(mention.author_name, 'Olive Owner');
    assert.equal(mention.seen_at, null);
  }
  assert.equal((await mentions(mei)).unseen, 1);
  const again = mei.openSocket(null, 'tab-c');
  assert.equal((await again.frame('welcome')).mentions_unseen, 1);

  // Reading up to the message before it is not reading it.
  const { seq } = (await mentions(mei)).items[0];
  a.send({ t: 'view', conversation_id: id, open: true, have: 0 });
  await a.frame('viewed');
  a.send({ t: 'read', conversation_id: id, seq: seq - 1 });
  await a.frame('receipt', (f) => f.agent_read_seq === seq - 1);
  assert.equal((await mentions(mei)).unseen, 1);
  a.send({ t: 'read', conversation_id: id, seq });
  assert.equal((await b.frame('mentions_seen')).conversation_id, id);
  const after = await mentions(mei);
  assert.equal(after.unseen, 0);
  assert.notEqual(after.items[0].seen_at, null);
  assert.equal((await mentions(mei, '?unseen=true')).items.length, 0);
  assert.ok(made);
  for (const s of [a, b, again]) s.close();
});

test('two who read in the same moment each settle their own', async () => {
  const id = await begin();
  await note(desk.owner, id, '@Mei @Otto', mei, outsider);
  const sockets = [mei.openSocket(), outsider.openSocket()];
  for (const s of sockets) {
    await s.frame('live');
    s.send({ t: 'view', conversation_id: id, open: true, have: 0 });
    await s.frame('viewed');
  }
  for (const s of sockets) s.send({ t: 'read', conversation_id: id, seq: 100 });
  for (const s of sockets) await s.frame('mentions_seen');
  assert.equal((await mentions(mei)).unseen + (await mentions(outsider)).unseen, 0);
  for (const s of sockets) s.close();
});

test('all at once; a deleted note and one of my own mention nobody', async () => {
  const id = await begin();
  const gone = await note(desk.owner, id, '@Mei wrong place', mei);
  await note(desk.owner, id, '@Mei here', mei, desk.owner);
  assert.equal((await mentions(mei)).unseen, 2);
  assert.equal((await mentions(desk.owner)).unseen, 0);
  await expectStatus(200, desk.owner.delete(`/api/v1/messages/${gone.id}`));
  assert.equal((await mentions(mei)).unseen, 1);
  assert.equal((await expectStatus<any>(200, mei.post('/api/v1/mentions/seen', { conversation_id: null }))).unseen, 0);
  assert.equal((await mentions(mei)).unseen, 0);
});

test('pages bring each mention once', async () => {
  const id = await begin();
  for (let i = 0; i < 7; i++) await note(desk.owner, id, `@Otto ${i}`, outsider);
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: any = await mentions(outsider, `?unseen=true&limit=3${cursor ? `&cursor=${cursor}` : ''}`);
    seen.push(...page.items.map((m: any) => m.preview));
    cursor = page.next_cursor;
  }
  assert.deepEqual(seen, [6, 5, 4, 3, 2, 1, 0].map((i) => `@Otto ${i}`));
});

test('a draft is known to my other tabs and after a reload, and to nobody else', async () => {
  const [one, two] = [await begin(), await begin()];
  const tab = mei.openSocket();
  await tab.frame('live');
  const put = (id: string, body: string, kind = 'public') => expectStatus(204, mei.put(`/api/v1/conversations/${id}/draft`, { body, kind }));
  await put(one, 'Dear customer');
  await put(two, 'ask **Otto**', 'note');
  await put(two, 'ask Otto again', 'note');
  assert.equal((await tab.frame('draft', (f) => f.conversation_id === two)).draft.kind, 'note');
  const { items } = await expectStatus<any>(200, mei.get('/api/v1/drafts'));
  assert.deepEqual(items.map((d: any) => [d.conversation_id, d.kind, d.preview]), [[two, 'note', 'ask Otto again'], [one, 'public', 'Dear customer']]);
  const first = await expectStatus<any>(200, mei.get('/api/v1/drafts?limit=1'));
  const second = await expectStatus<any>(200, mei.get(`/api/v1/drafts?limit=1&cursor=${first.next_cursor}`));
  assert.deepEqual([first.items[0].conversation_id, second.items[0].conversation_id, second.next_cursor], [two, one, null]);
  await put(two, '');
  assert.equal((await tab.frame('draft', (f) => f.draft === null)).conversation_id, two);
  assert.equal((await expectStatus<any>(200, mei.get('/api/v1/drafts'))).items.length, 1);
  assert.equal((await expectStatus<any>(200, outsider.get('/api/v1/drafts'))).items.length, 0);
  assert.equal(tab.frames.filter((f) => f.t === 'draft').length, 3, 'not one for each letter');
  tab.close();
});

test('of a conversation that another team has, nothing is told, counted or listed', async () => {
  const id = await begin();
  const team = await expectStatus<any>(201, desk.owner.post('/api/v1/teams', { name: 'Secret' }));
  await expectStatus(204, outsider.put(`/api/v1/conversations/${id}/draft`, { body: 'before', kind: 'public' }));
  await expectStatus(200, desk.owner.post(`/api/v1/conversations/${id}/assignment`, { agent_id: null, team_id: team.id }));
  const before = (await mentions(outsider)).unseen;
  const tab = outsider.openSocket();
  await tab.frame('live');
  await note(desk.owner, id, '@Otto you may not read this', outsider);
  const open = await begin();
  await note(desk.owner, open, '@Otto this you may', outsider);
  const heard = await tab.frame('mention');
  assert.equal(heard.mention.conversation_id, open);
  assert.equal((await mentions(outsider)).unseen, before + 1);
  assert.ok(!JSON.stringify(await mentions(outsider, '?limit=100')).includes('may not read'));
  const drafts = await expectStatus<any>(200, outsider.get('/api/v1/drafts'));
  assert.ok(!drafts.items.some((d: any) => d.conversation_id === id));
  tab.close();
});
