/** The customer's side, in both languages, on the demo's own page with the real program behind it; the agent acts through the API. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import type { Browser } from 'playwright-core';

import { AgentClient, clientId } from '../integration/desk.js';
import { expectStatus } from '../integration/http.js';
import { Server } from '../integration/server.js';
import { axe, complaintsOf, launch, newContext, shot } from './browser.js';
import { WidgetOnPage } from './widget.js';

const DEMO_PASSWORD = 'stablehand demo';
let server: Server;
let browser: Browser;

before(async () => {
  server = await Server.start({ demo: true });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.dispose();
});

const journeys = [
  {
    name: 'English on a wide screen',
    tag: 'en',
    look: { locale: 'en-US' },
    agent: 'tom@demo.example',
    question: 'My USDT deposit has not arrived',
    source: /Deposit not credited/,
    human: 'human please',
    reply: 'Hello, please send me the TXID `0x9f2c4e1b7a3d5086c1e2f3a4b5c6d7e8f90123456789abcdef0123456789abcd`.',
    seen: 'Hello, please send me the TXID',
    joined: /has joined the chat/,
    send: 'Send rating',
    thanks: /Thank you for your rating/,
    star: '5 of 5 stars',
  },
  {
    name: '中文，手机',
    tag: 'zh',
    look: { locale: 'zh-CN', width: 375, height: 740 },
    agent: 'mei@demo.example',
    question: '我的充值没到账',
    source: /充值没到账/,
    human: '人工',
    reply: '您好，请把 TXID 发给我。',
    seen: '您好，请把 TXID 发给我。',
    joined: /已接入/,
    send: '提交评价',
    thanks: /感谢您的评价/,
    star: '5 星（满分 5 星）',
  },
];

for (const j of journeys) {
  test(`${j.name}: the bot answers from an article, a person takes over, a file goes, the customer rates`, async () => {
    const context = await newContext(browser, j.look);
    const page = await context.newPage();
    const complaints = complaintsOf(page);
    const agent = new AgentClient(server.url);
    await agent.signIn(j.agent, DEMO_PASSWORD);
    const line = agent.openSocket();
    await line.frame('live');
    await expectStatus(200, agent.put('/api/v1/presence', { status: 'available' }));

    await page.goto(`${server.url}/demo/`);
    const widget = await WidgetOnPage.open(page);
    await shot(page, `widget-${j.tag}-home`);
    await widget.startChat();
    await widget.say(j.question);
    await widget.frame.locator('.source', { hasText: j.source }).waitFor();
    await shot(page, `widget-${j.tag}-answer`);
    await widget.frame.locator('.source').click();
    await widget.frame.getByRole('heading', { level: 2 }).first().waitFor();
    await shot(page, `widget-${j.tag}-article`);
    assert.deepEqual(await axe(widget.frame), []);
    await widget.button(/^(Back|返回)$/).click();

    await widget.say(j.human);
    const { offer } = await line.frame('offer');
    const conversation = await expectStatus<{ id: string }>(200, agent.post(`/api/v1/offers/${offer.id}`, { accept: true }));
    await widget.sees(j.joined);
    line.send({ t: 'view', conversation_id: conversation.id, open: true, have: 0 });
    await line.frame('viewing', (f) => f.conversation_id === conversation.id);
    line.send({ t: 'typing', conversation_id: conversation.id, kind: 'public', on: true });
    await widget.log.locator('.typing').waitFor();
    line.send({ t: 'send', conversation_id: conversation.id, message: { client_id: clientId(), kind: 'public', body: j.reply, expect_seq: null } });
    await widget.sees(j.seen);

    await widget.frame.locator('input[type=file]').setInputFiles({ name: 'receipt.txt', mimeType: 'text/plain', buffer: Buffer.from('sent 1200 USDT') });
    await widget.frame.locator('.composer').getByText('receipt.txt').waitFor();
    await widget.button(/^(Send|发送)$/).click();
    await widget.log.getByRole('button', { name: /receipt\.txt/ }).waitFor();
    const withFile = await line.event('message.created', (m) => m.files.length === 1);
    assert.equal(withFile.data.files[0].name, 'receipt.txt');
    line.send({ t: 'read', conversation_id: conversation.id, seq: withFile.seq });
    await widget.log.locator('.state.read').last().waitFor();
    await shot(page, `widget-${j.tag}-person`);
    assert.deepEqual(await axe(widget.frame), []);

    await expectStatus(200, agent.post(`/api/v1/conversations/${conversation.id}/state`, { state: 'resolved' }));
    await widget.frame.getByLabel(j.star, { exact: true }).check({ force: true });
    await shot(page, `widget-${j.tag}-rating`);
    assert.deepEqual(await axe(widget.frame), []);
    await widget.button(j.send).click();
    await widget.sees(j.thanks);
    const rated = await line.event('rating.created', (r) => r.conversation_id === conversation.id);
    assert.equal(rated.data.score, 5);
    assert.deepEqual(complaints, []);
    line.close();
    await context.close();
  });
}

test('at 320 px, dark and light, every view is clean for axe and nothing is wider than the screen', async () => {
  for (const dark of [false, true]) {
    const context = await newContext(browser, { width: 320, height: 640, dark, locale: dark ? 'zh-CN' : 'en-US' });
    const page = await context.newPage();
    await page.goto(`${server.url}/demo/`);
    const widget = await WidgetOnPage.open(page);
    const tag = `widget-320-${dark ? 'dark' : 'light'}`;
    const check = async (name: string) => {
      await page.waitForTimeout(150);
      await shot(page, `${tag}-${name}`);
      assert.deepEqual(await axe(widget.frame), [], `${tag} ${name}`);
      assert.ok((await widget.frame.evaluate(() => document.documentElement.scrollWidth)) <= 320, `${tag} ${name} is too wide`);
    };
    await widget.frame.getByRole('list').getByRole('button').first().waitFor();
    await check('home');
    await widget.startChat();
    await check('empty');
    await widget.say('TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t');
    await widget.log.locator('.bubble').nth(1).waitFor();
    await check('chain');
    await widget.say('my 2FA code is 482913');
    await widget.frame.getByRole('alertdialog').waitFor();
    await check('secret');
    await widget.frame.locator('.secret .strong').click();
    await widget.say(dark ? '人工' : 'human');
    await widget.frame.locator('.system').waitFor();
    await check('queue');
    await widget.button(/^(Options|更多选项)$/).click();
    await check('menu');
    await widget.frame.getByRole('menuitem', { name: /End chat|结束对话/ }).click();
    await widget.frame.getByRole('dialog').waitFor();
    await check('end');
    await page.keyboard.press('Escape');
    await widget.button(/^(Options|更多选项)$/).click();
    await widget.frame.getByRole('menuitem', { name: /Earlier|历史/ }).click();
    await check('history');
    await context.close();
  }
});
