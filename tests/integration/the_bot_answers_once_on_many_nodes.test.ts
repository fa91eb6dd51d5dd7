import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clientId, type Visitor } from './desk.js';
import { expectStatus } from './http.js';
import { eventually, Nodes, skipOnFile, sleep, Stall } from './nodes.js';

let nodes: Nodes;

async function publish(slug: string, text: Record<string, unknown>): Promise<void> {
  const { owner } = nodes.desk;
  const categories = await expectStatus<any>(200, owner.get('/api/v1/categories'));
  const c =
    categories.items[0] ??
    (await expectStatus<any>(201, owner.post('/api/v1/categories', { slug: 'all', name: { en: 'All', 'zh-CN': '全部' }, description: { en: '', 'zh-CN': '' }, icon: 'lock', position: 1 })));
  const article = await expectStatus<any>(201, owner.post('/api/v1/articles', { slug, category_id: c.id, risk: 'none' }));
  const path = `/api/v1/articles/${article.id}/translations/en`;
  const saved = await expectStatus<any>(200, owner.put(path, { summary: '', body: '## x', ...text }, { 'if-match': '"v0"' }));
  await expectStatus(200, owner.post(`${path}/publication`, undefined, { 'if-match': `"v${saved.version}"` }));
}

const answers = async (v: Visitor, conversation: string): Promise<any[]> =>
  (await expectStatus<any>(200, v.get(`/api/v1/visitor/conversations/${conversation}/messages?limit=100`))).items.filter((m: any) => m.author.kind === 'bot');
const answered = (v: Visitor, conversation: string, ms: number) =>
  eventually('an answer', ms, async () => {
    const all = await answers(v, conversation);
    return all.length > 0 && all;
  });

before(async () => {
  if (skipOnFile) return;
  nodes = await Nodes.start(2, { bot_enabled: true });
  await publish('fees', { title: 'Fees', answer: 'Fees are shown before you confirm.', phrasings: ['what are the fees', 'how much is a withdrawal fee'] });
});
after(() => nodes?.dispose());

test('an article published on one node is what the bot of the other answers from', { skip: skipOnFile }, async () => {
  await publish('limits', { title: 'Limits', answer: 'The daily limit is on your profile page.', phrasings: ['what is the daily limit', 'how much may I withdraw a day'] });
  await sleep(2100);
  const v = nodes.visitorAt(nodes.b, await nodes.desk.visitor());
  const message = await v.say('what is the daily limit');
  assert.equal((await answered(v, message.conversation_id, 3000))[0].body, 'The daily limit is on your profile page.');
});

test('two nodes that answer the same message at once say it once', { skip: skipOnFile }, async () => {
  const v = await nodes.desk.visitor();
  const stall = await Stall.on(nodes.a, 'LOCK TABLE bot_dialogues IN ACCESS EXCLUSIVE MODE');
  const message = await v.say('what are the fees');
  /* Behind the lock: the node that was told, and, four seconds later, whichever took the timer. */
  await sleep(4700);
  assert.equal((await answers(v, message.conversation_id)).length, 0);
  await stall.end();
  await answered(v, message.conversation_id, 5000);
  await sleep(1000);
  assert.equal((await answers(v, message.conversation_id)).length, 1);
});

test('a node that dies before the answer: the other gives it, within seconds, once', { skip: skipOnFile }, async () => {
  const v = nodes.visitorAt(nodes.a, await nodes.desk.visitor());
  const there = nodes.visitorAt(nodes.b, v);
  const stall = await Stall.on(nodes.a, 'LOCK TABLE bot_dialogues IN ACCESS EXCLUSIVE MODE');
  const client_id = clientId();
  const message = await expectStatus<any>(201, v.post('/api/v1/visitor/messages', { client_id, body: 'what are the fees' }));
  await nodes.a.kill();
  await stall.end();
  const all = await answered(there, message.conversation_id, 8000);
  assert.equal(all[0].body, 'Fees are shown before you confirm.');
  await nodes.a.launch(); /* ... and finds nothing left to do */
  await sleep(1000);
  assert.equal((await answers(there, message.conversation_id)).length, 1);
  const head = (await expectStatus<any>(200, there.get('/api/v1/visitor/conversations'))).items[0];
  assert.equal(head.handler, 'bot');
});
