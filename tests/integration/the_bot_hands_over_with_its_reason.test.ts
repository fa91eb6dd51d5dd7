/** What the agent reads when the bot hands over, what the customer is promised, what is warned of, and what is kept for review. No articles: every question is a miss. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Desk, type Visitor } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start({}, { bot_enabled: true });
});
after(() => desk?.dispose());

async function ask(v: Visitor, body: string, extra: Record<string, unknown> = {}): Promise<{ conversation: string; reply: any }> {
  const message = await v.say(body, extra);
  for (let i = 0; i < 200; i++) {
    const page = await expectStatus<any>(200, v.get(`/api/v1/visitor/conversations/${message.conversation_id}/messages?limit=100`));
    const reply = page.items.find((m: any) => m.author.kind === 'bot' && m.seq > message.seq);
    if (reply) return { conversation: message.conversation_id, reply };
    await new Promise((r) => setTimeout(r, 30));
  }
  throw new Error(`no reply to ${body}`);
}

async function note(conversation: string): Promise<any> {
  const page = await expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${conversation}/messages?limit=100`));
  return page.items.find((m: any) => m.kind === 'note');
}

const zh = () => desk.visitor({ locale: 'zh-CN' });

test('the reason is told in the language of the conversation', async () => {
  const cases: [Visitor, string[], RegExp, string][] = [
    [await zh(), ['人工'], /^客户要求人工。$/, 'customer_asked'],
    [await desk.visitor(), ['human please'], /^The customer asked for a person\.$/, 'customer_asked'],
    [await zh(), ['我的币被盗了'], /^可能涉及资金风险。$/, 'money_at_risk'],
    [await zh(), ['嗯嗯嗯', '啊啊啊'], /^机器人没有找到合适的答案。$/, 'misses'],
    [await desk.visitor(), ['qqq www', 'eee rrr'], /^The bot found no good answer\.$/, 'misses'],
    [await desk.visitor(), ['you idiots'], /^The customer is upset\.$/, 'abuse'],
  ];
  for (const [visitor, says, text, reason] of cases) {
    let conversation = '';
    for (const words of says) conversation = (await ask(visitor, words)).conversation;
    const found = await note(conversation);
    assert.match(found?.body ?? '', text, says.join(' / '));
    assert.equal(found.meta.params.reason, reason);
  }
});

test('a person is promised at once only when one is there', async () => {
  assert.match((await ask(await desk.visitor(), 'human')).reply.body, /^Nobody is at the desk right now/);
  assert.match((await ask(await zh(), '我被骗了')).reply.body, /^现在没有同事在线/);
  const socket = desk.owner.openSocket();
  await socket.frame('live');
  const { reply } = await ask(await desk.visitor(), 'human');
  assert.match(reply.body, /^I am bringing in a person now/);
  socket.close();
});

test('words without a language begin in the visitor’s and go on in the conversation’s', async () => {
  const address = 'TJRabPrwbZy45sbavfcjinPJC18kjpRTv8';
  const chinese = await zh();
  assert.match((await ask(chinese, address)).reply.body, /[\u4e00-\u9fff]/);
  const speaksEnglish = await zh();
  await ask(speaksEnglish, 'hello');
  assert.doesNotMatch((await ask(speaksEnglish, address)).reply.body, /[\u4e00-\u9fff]/);
  const english = await desk.visitor();
  assert.doesNotMatch((await ask(english, '12345')).reply.body, /[\u4e00-\u9fff]/);
});

test('a secret is warned of at once, once, in the language of the customer', async () => {
  const v = await desk.visitor();
  assert.match((await ask(v, 'my password is Hunter2-Hunter')).reply.body, /^That looked like a secret/);
  assert.doesNotMatch((await ask(v, 'hello again')).reply.body, /looked like a secret/);
  assert.match((await ask(await zh(), '验证码：482913')).reply.body, /^您刚才发的内容像是机密信息/);
});

test('misses are kept for review: pages, counts, permission', async () => {
  const all: any[] = [];
  let first: any = null;
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: any = await expectStatus(200, desk.owner.get(`/api/v1/bot/misses?limit=2${cursor ? `&cursor=${cursor}` : ''}`));
    first ??= page;
    all.push(...page.items);
    cursor = page.next_cursor;
  }
  assert.ok(all.length >= 6);
  assert.equal(new Set(all.map((m) => m.id)).size, all.length);
  assert.equal(first.total, all.length);
  assert.equal(first.counts.reduce((sum: number, c: any) => sum + c.n, 0), all.length);
  assert.ok(all.some((m) => m.text === '啊啊啊' && m.language === 'zh-CN' && m.slug === ''));
  const only = await expectStatus<any>(200, desk.owner.get('/api/v1/bot/misses?language=zh-CN&limit=100'));
  assert.deepEqual(only.items.map((m: any) => m.id), all.filter((m) => m.language === 'zh-CN').map((m) => m.id));
  assert.equal(only.total, only.items.length);
  assert.equal((await desk.owner.get('/api/v1/bot/misses?language=xx')).status, 400);
  // Who may not read the conversation sees that there was a miss, not its words.
  const team = await expectStatus<any>(201, desk.owner.post('/api/v1/teams', { name: 'Secret' }));
  await expectStatus(200, desk.owner.post(`/api/v1/conversations/${all[0].conversation_id}/assignment`, { agent_id: null, team_id: team.id }));
  const agent = await desk.agent('Ann');
  const seen = (await expectStatus<any>(200, agent.get('/api/v1/bot/misses?limit=100'))).items;
  assert.equal(seen.find((m: any) => m.id === all[0].id).text, null);
  assert.ok(seen.some((m: any) => m.text !== null));
  await expectStatus(201, desk.owner.post('/api/v1/roles', { name: 'Wall', permissions: ['live.read'], requires_totp: false }));
  const wall = await desk.agent('Wanda', 'Wall');
  assert.equal((await wall.get('/api/v1/bot/misses')).status, 403);
});
