/** Both sides in their browsers, in both languages, on the demo: a question that the bot cannot settle, a person who takes it with everything a console has,
 * a server that is killed in the middle, a rating at the end. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import type { Browser } from 'playwright-core';

import { AgentClient, Visitor } from '../integration/desk.js';
import { expectStatus } from '../integration/http.js';
import { Server } from '../integration/server.js';
import { axe, complaintsOf, journey, launch, newContext, shot } from './browser.js';
import { ConsoleOnPage } from './console.js';
import { WidgetOnPage } from './widget.js';

const PASSWORD = 'stablehand demo';
/** What a restart makes a browser say. */
const CUT = [/WebSocket connection/, /ERR_CONNECTION/, /status of 503/];
let server: Server;
let browser: Browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());
/* A desk for each: who has signed out stays on offer for the grace of a reload. */
beforeEach(async () => {
  server = await Server.start({ demo: true });
});
afterEach(() => server?.dispose());

interface Journey {
  tag: string;
  locale: string;
  agent: string;
  colleague: { email: string; name: string };
  question: string;
  human: string;
  reply: string;
  canned: { filled: RegExp; told: string };
  article: { words: string; link: string };
  note: string;
  away: { customer: string; agent: string };
  wakes: string;
  star: string;
  send: string;
  rated: string;
}

const journeys: Journey[] = [
  {
    tag: 'en',
    locale: 'en-US',
    agent: 'tom@demo.example',
    colleague: { email: 'mei@demo.example', name: '王小美' },
    question: 'My withdrawal is 冻结 since yesterday',
    human: 'human please',
    reply: 'Good morning, I look into it.',
    canned: { filled: /^Hello there, this is Tom/, told: 'I have read what you wrote above' },
    article: { words: 'withdrawal pending', link: '/help/en/article/' },
    note: 'asks twice a day',
    away: { customer: 'written by the customer without a server', agent: 'written by the agent without a server' },
    wakes: 'Any news about it?',
    star: '5 of 5 stars',
    send: 'Send rating',
    rated: 'Rated 5 of 5',
  },
  {
    tag: 'zh',
    locale: 'zh-CN',
    agent: 'mei@demo.example',
    colleague: { email: 'tom@demo.example', name: 'Tom' },
    question: '我的账户被冻结了，提现也失败',
    human: '人工',
    reply: '您好，我马上为您查看。',
    canned: { filled: /^用户，您好，我是/, told: '您前面写的我都看过了' },
    article: { words: '冻结', link: '/help/zh-CN/article/' },
    note: '客户每天来问两次',
    away: { customer: '客户在断线时写的', agent: '客服在断线时写的' },
    wakes: '有进展了吗？',
    star: '5 星（满分 5 星）',
    send: '提交评价',
    rated: '客户评分 5/5',
  },
];

async function customerAsks(j: Journey) {
  const context = await newContext(browser, { locale: j.locale, width: 460, height: 760 });
  const page = await context.newPage();
  const complaints = complaintsOf(page, CUT);
  await page.goto(`${server.url}/demo/`);
  const widget = await WidgetOnPage.open(page);
  await widget.startChat();
  await widget.say(j.question);
  await widget.log.locator('.bubble').nth(1).waitFor();
  return { widget, complaints };
}

async function sendFile(desk: ConsoleOnPage, widget: WidgetOnPage) {
  await desk.attach({ name: 'steps.txt', mimeType: 'text/plain', buffer: Buffer.from('1. Wait') });
  await desk.button(/^(Send|发送)$/).click();
  await widget.log.getByRole('button', { name: /steps\.txt/ }).waitFor();
}

/** `/greet`: variables are filled, and a customer without a name is greeted all the same. */
async function sendCanned(desk: ConsoleOnPage, widget: WidgetOnPage, j: Journey) {
  await desk.box.pressSequentially('/greet');
  await desk.option(/^\/greet/).waitFor();
  await desk.box.press('Enter');
  await desk.boxHolds(j.canned.filled);
  await desk.box.press('Enter');
  await widget.sees(j.canned.told);
}

async function sendArticle(desk: ConsoleOnPage, widget: WidgetOnPage, j: Journey) {
  await desk.box.pressSequentially(`??${j.article.words}`);
  await desk.option(/./).waitFor();
  await desk.box.press('Enter');
  await desk.boxHolds(new RegExp(`^\\[.+\\]\\(.*${j.article.link}`));
  await desk.box.press('Enter');
  await widget.log.locator(`a[href*="${j.article.link}"]`).last().waitFor();
}

async function writeNote(desk: ConsoleOnPage, widget: WidgetOnPage, j: Journey) {
  const colleague = new AgentClient(server.url);
  await colleague.signIn(j.colleague.email, PASSWORD);
  const mentions = () => expectStatus<{ mentions: number }>(200, colleague.get('/api/v1/conversation-counts')).then((c) => c.mentions);
  const before = await mentions();
  await desk.page.keyboard.press('Escape');
  await desk.page.keyboard.press('n');
  await desk.box.pressSequentially(`@${j.colleague.name}`);
  await desk.option(j.colleague.name).waitFor();
  await desk.box.press('Tab');
  await desk.box.pressSequentially(j.note);
  await desk.box.press('Enter');
  await desk.log.locator('.bubble.note', { hasText: j.note }).waitFor();
  assert.equal(await mentions(), before + 1);
  await desk.page.getByRole('tab', { name: /^(Reply|回复)$/ }).click();
  assert.equal(await widget.count(j.note), 0, 'a note went to the customer');
}

/** Both go on writing while it is gone, and nothing is loaded again. */
async function serverDies(desk: ConsoleOnPage, widget: WidgetOnPage, j: Journey) {
  await server.kill();
  await widget.say(j.away.customer);
  await desk.say(j.away.agent);
  await desk.page.locator('.outgoing', { hasText: j.away.agent }).waitFor();
  await server.launch();
  await desk.sees(j.away.customer);
  // Whoever's line was back first: when it was the customer's, the agent is asked to look before it goes out.
  const stopped = desk.button(/^(Send anyway|仍要发送)$/);
  await stopped.or(desk.log.locator('.bubble:not(.pending)', { hasText: j.away.agent })).first().waitFor();
  if (await stopped.isVisible()) await stopped.click();
  await widget.sees(j.away.agent);
  await desk.live();
  await desk.page.locator('.outgoing').waitFor({ state: 'detached' });
  for (const text of Object.values(j.away)) {
    assert.equal(await desk.count(text), 1);
    assert.equal(await widget.count(text), 1);
  }
}

async function snoozeAndWake(desk: ConsoleOnPage, widget: WidgetOnPage, j: Journey) {
  await desk.page.keyboard.press('Escape');
  await desk.page.keyboard.press('s');
  await desk.page.getByRole('menuitem', { name: /^(Until the customer replies|直到客户回复)$/ }).click();
  await desk.state(/Snoozed|已暂缓/).waitFor();
  await desk.row(j.reply).waitFor({ state: 'detached' });
  await widget.say(j.wakes);
  await desk.state(/Snoozed|已暂缓/).waitFor({ state: 'detached' });
  await desk.row(j.wakes).waitFor();
  // And by the clock: an hour is too long for a test, the end of the present minute is not for a timer that fires at the second.
  const id = desk.openId();
  const until = new Date(Date.now() + 1500).toISOString();
  await desk.act('POST', `/api/v1/conversations/${id}/state`, { state: 'snoozed', snoozed_until: until });
  await desk.state(/Snoozed|已暂缓/).waitFor();
  await desk.state(/Snoozed|已暂缓/).waitFor({ state: 'detached', timeout: 6000 });
}

async function searchFrozen(desk: ConsoleOnPage, j: Journey) {
  const id = desk.openId();
  await desk.page.keyboard.press('/');
  await desk.page.getByRole('searchbox').fill('冻结');
  await desk.page.getByRole('link', { name: j.question }).first().waitFor();
  assert.deepEqual(await axe(desk.page), []);
  await shot(desk.page, `console-${j.tag}-search`);
  await desk.page.getByRole('link', { name: j.question }).first().click();
  assert.equal(desk.openId(), id);
  await desk.log.locator('.message.marked', { hasText: '冻结' }).waitFor();
}

/** E ends this one and leads to the next that waits for me. */
async function resolveAndNext(desk: ConsoleOnPage, j: Journey): Promise<string> {
  const id = desk.openId();
  const owner = new AgentClient(server.url);
  await owner.signIn('owner@demo.example', PASSWORD);
  const inboxes = await expectStatus<{ items: { key: string }[] }>(200, owner.get('/api/v1/inboxes'));
  const second = await Visitor.open(server, inboxes.items[0]!.key, { locale: j.locale });
  await second.say(j.human);
  await desk.accept();
  const nextId = desk.openId();
  await desk.page.goto(`${server.url}/console/inbox/mine/${id}`);
  await desk.box.waitFor();
  await desk.list.locator('a').nth(1).waitFor();
  await shot(desk.page, `console-${j.tag}-conversation`);
  assert.deepEqual(await axe(desk.page), []);
  await desk.page.keyboard.press('e');
  await desk.page.waitForURL(`**/console/inbox/mine/${nextId}`);
  return id;
}

async function agentAnswers(j: Journey): Promise<void> {
  const desk = await ConsoleOnPage.signIn(browser, server.url, { email: j.agent, password: PASSWORD }, { locale: j.locale }, CUT);
  await desk.available();
  const { widget, complaints } = await customerAsks(j);
  await widget.say(j.human);
  await desk.offer.waitFor();
  assert.deepEqual(await axe(desk.page), []);
  await shot(desk.page, `console-${j.tag}-offer`);
  const untouched = await desk.mark();
  await desk.accept();
  // The whole talk with the bot is there.
  await desk.sees(j.question);
  await desk.say(j.reply);
  await widget.sees(j.reply);
  await sendFile(desk, widget);
  await sendCanned(desk, widget, j);
  await sendArticle(desk, widget, j);
  await writeNote(desk, widget, j);
  await serverDies(desk, widget, j);
  await snoozeAndWake(desk, widget, j);
  await searchFrozen(desk, j);
  assert.ok(await untouched(), 'the console was loaded again');
  const id = await resolveAndNext(desk, j);
  await widget.frame.getByLabel(j.star, { exact: true }).check({ force: true });
  await widget.button(j.send).click();
  await desk.page.goto(`${server.url}/console/inbox/resolved/${id}`);
  await desk.sees(j.rated);
  await shot(desk.page, `console-${j.tag}-rated`);
  await desk.signOut();
  assert.deepEqual(desk.complaints, []);
  assert.deepEqual(complaints, []);
}

for (const j of journeys) {
  test(`${j.tag}: offer, answer, file, canned reply, article, note, a killed server, snooze, search, next, rating`, () =>
    journey(browser, `console-${j.tag}`, () => agentAnswers(j)));
}
