import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clientId, Desk, type Visitor } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;

/** An article in one language, published. */
async function publish(slug: string, risk: string, lang: string, text: Record<string, unknown>): Promise<void> {
  const { owner } = desk;
  const categories = await expectStatus<any>(200, owner.get('/api/v1/categories'));
  const c =
    categories.items[0] ??
    (await expectStatus<any>(201, owner.post('/api/v1/categories', { slug: 'all', name: { en: 'All', 'zh-CN': '全部' }, description: { en: '', 'zh-CN': '' }, icon: 'lock', position: 1 })));
  const listed = await expectStatus<any>(200, owner.get(`/api/v1/articles?q=${slug}`));
  const article = listed.items[0] ?? (await expectStatus<any>(201, owner.post('/api/v1/articles', { slug, category_id: c.id, risk })));
  const path = `/api/v1/articles/${article.id}/translations/${lang}`;
  const saved = await expectStatus<any>(200, owner.put(path, { summary: '', body: '## x', ...text }, { 'if-match': '"v0"' }));
  await expectStatus(200, owner.post(`${path}/publication`, undefined, { 'if-match': `"v${saved.version}"` }));
}

before(async () => {
  desk = await Desk.start({}, { bot_enabled: true });
  await publish('fees', 'none', 'en', { title: 'Fees', answer: 'Fees at {{brand}} are shown before you confirm.', phrasings: ['what are the fees', 'how much is a withdrawal fee'] });
  await publish('fees', 'none', 'zh-CN', { title: '手续费', answer: '手续费在确认前显示。', phrasings: ['手续费是多少', '提现要收多少手续费'] });
  await publish('stolen', 'money', 'en', { title: 'Account stolen', answer: 'Freeze the account now.', phrasings: ['my account was stolen', 'strange login on my account'] });
});
after(() => desk.dispose());

const messagesOf = async (v: Visitor, conversation: string): Promise<any[]> =>
  (await expectStatus<any>(200, v.get(`/api/v1/visitor/conversations/${conversation}/messages?limit=100`))).items.reverse();

/** Says it and waits for the bot's word about it. */
async function ask(v: Visitor, body: string, extra: Record<string, unknown> = {}): Promise<{ message: any; reply: any }> {
  const message = await v.say(body, extra);
  for (let i = 0; i < 100; i++) {
    const reply = (await messagesOf(v, message.conversation_id)).find((m) => m.author.kind === 'bot' && m.seq > message.seq);
    if (reply) return { message, reply };
    await new Promise((r) => setTimeout(r, 50));
  }
  throw new Error(`no reply to ${body}`);
}
const head = async (v: Visitor): Promise<any> => (await expectStatus<any>(200, v.get('/api/v1/visitor/conversations'))).items[0];
const seenByDesk = (id: string): Promise<any> => expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${id}`));

test('an answer comes from an article, with its source, in the language of the question', async () => {
  const v = await desk.visitor();
  const en = await ask(v, 'What are the fees?');
  assert.equal(en.reply.body, 'Fees at Nova Exchange are shown before you confirm.');
  assert.deepEqual(en.reply.meta.source, { slug: 'fees', title: 'Fees' });
  assert.deepEqual(en.reply.meta.buttons.map((b: any) => b.id), ['helpful:fees', 'not_helpful:fees', 'human']);
  const zh = await ask(await desk.visitor({ locale: 'zh-CN' }), '手續費是多少？');
  assert.equal(zh.reply.body, '手续费在确认前显示。');
  const thanks = await ask(v, 'Yes, thanks', { button: 'helpful:fees' });
  assert.match(thanks.reply.body, /welcome/);
  assert.equal((await head(v)).handler, 'bot');
});

for (const word of ['human', '人工', 'I want to talk to a person please', '轉人工']) {
  test(`"${word}" reaches a person at once`, async () => {
    const v = await desk.visitor();
    await ask(v, word);
    assert.equal((await head(v)).handler, 'queue');
  });
}

test('the button for a person does the same', async () => {
  const v = await desk.visitor();
  await ask(v, 'hello');
  await ask(v, 'Talk to a person', { button: 'human' });
  assert.equal((await head(v)).handler, 'queue');
});

test('money at risk: what to do meanwhile, and a person with priority', async () => {
  const v = await desk.visitor();
  const { message, reply } = await ask(v, 'somebody hacked me, strange login on my account');
  assert.match(reply.body, /Freeze the account now/);
  assert.equal(reply.meta.source.slug, 'stolen');
  const c = await seenByDesk(message.conversation_id);
  assert.equal(c.handler, 'queue');
  assert.equal(c.priority, 'urgent');
});

test('two misses hand over, and the agent finds the reason in a note', async () => {
  const v = await desk.visitor();
  await ask(v, 'zzz qqq xxx');
  assert.equal((await head(v)).handler, 'bot');
  const { message } = await ask(v, 'vvv www');
  assert.equal((await head(v)).handler, 'queue');
  const all = await expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${message.conversation_id}/messages?limit=100`));
  assert.ok(all.items.some((m: any) => m.kind === 'note' && /found no good answer/.test(m.body)));
  assert.ok(!(await messagesOf(v, message.conversation_id)).some((m) => m.kind === 'note'));
});

test('the same answer is not given twice in a row', async () => {
  const v = await desk.visitor();
  await ask(v, 'what are the fees');
  const second = await ask(v, 'what are the fees');
  assert.doesNotMatch(second.reply.body, /shown before you confirm/);
  assert.equal((await head(v)).handler, 'queue');
});

test('a restart at any moment neither loses nor doubles an answer', async () => {
  for (let round = 0; round < 6; round++) {
    const v = await desk.visitor();
    const message = await v.say('what are the fees');
    await new Promise((r) => setTimeout(r, round * 4));
    await desk.server.kill();
    await desk.server.launch();
    let replies: any[] = [];
    for (let i = 0; i < 100 && replies.length === 0; i++) {
      await new Promise((r) => setTimeout(r, 50));
      replies = (await messagesOf(v, message.conversation_id)).filter((m) => m.author.kind === 'bot');
    }
    await new Promise((r) => setTimeout(r, 100));
    replies = (await messagesOf(v, message.conversation_id)).filter((m) => m.author.kind === 'bot');
    assert.equal(replies.length, 1, `round ${round}`);
    assert.match(replies[0].body, /shown before you confirm/);
  }
});

test('an offer shows what the customer wants, not the last word about it', async () => {
  const quiet = await Desk.start({}, { bot_enabled: true }); // nobody else waits here
  try {
    const agent = await quiet.agent('Olivia Offered');
    const socket = agent.openSocket();
    await socket.frame('live');
    await expectStatus(200, agent.put('/api/v1/presence', { status: 'available' }));
    const v = await quiet.visitor();
    await ask(v, 'My usdt from yesterday is not in my wallet');
    await v.say('human');
    const { offer } = await socket.frame('offer');
    assert.equal(offer.preview, 'My usdt from yesterday is not in my wallet');
  } finally {
    await quiet.dispose();
  }
});

test('the test bench says what the bot would say, and why', async () => {
  const d = await expectStatus<any>(200, desk.owner.post('/api/v1/bot/tests', { text: 'how much is a withdrawal fee' }));
  assert.equal(d.action, 'answer');
  assert.equal(d.reason, 'exact');
  assert.equal(d.candidates[0].slug, 'fees');
  const money = await expectStatus<any>(200, desk.owner.post('/api/v1/bot/tests', { text: 'my account was stolen' }));
  assert.equal(money.action, 'handover');
  assert.equal(money.reason, 'money_at_risk');
  assert.equal((await desk.owner.post('/api/v1/bot/tests', { text: '' })).status, 400);
});

test('switched off, the bot leaves its conversations to people', async () => {
  const v = await desk.visitor();
  const { message } = await ask(v, 'hello');
  const bot = await expectStatus<any>(200, desk.owner.get('/api/v1/bot'));
  const { n_phrasings: _, version, ...settings } = bot;
  assert.equal((await desk.owner.put('/api/v1/bot', { ...settings, answer_threshold: 2 }, { 'if-match': `"v${version}"` })).status, 400);
  assert.equal((await desk.owner.put('/api/v1/bot', { ...settings, name: 5 }, { 'if-match': `"v${version}"` })).status, 400);
  assert.equal((await desk.owner.put('/api/v1/bot', settings, { 'if-match': '"v999"' })).status, 412);
  const off = await expectStatus<any>(200, desk.owner.put('/api/v1/bot', { ...settings, enabled: false }, { 'if-match': `"v${version}"` }));
  assert.equal((await seenByDesk(message.conversation_id)).handler, 'queue');
  const other = await desk.visitor();
  await other.say('what are the fees');
  assert.equal((await head(other)).handler, 'queue');
  await expectStatus(200, desk.owner.put('/api/v1/bot', { ...settings, enabled: true }, { 'if-match': `"v${off.version}"` }));
  assert.equal((await ask(await desk.visitor(), 'what are the fees', { client_id: clientId() })).reply.meta.source.slug, 'fees');
});
