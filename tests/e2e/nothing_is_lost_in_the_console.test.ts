/** An agent has several tabs, a laptop that sleeps, an input method, and customers who write while an answer is being written: each side ends with the truth. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import type { Browser, BrowserContext } from 'playwright-core';

import { AgentClient, Desk, type Visitor } from '../integration/desk.js';
import { expectStatus } from '../integration/http.js';
import { journey, launch, newContext, shot } from './browser.js';
import { ConsoleOnPage } from './console.js';

const CUT = [/WebSocket connection/, /ERR_CONNECTION/, /ERR_INTERNET/, /Failed to load/, /status of 503/];
let desk: Desk;
let browser: Browser;
let mina: AgentClient;
let visitor: Visitor;

before(async () => {
  desk = await Desk.start();
  mina = await desk.agent('Mina Tabs', 'agent', { capacity: 50 });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await desk?.dispose();
});
/* Each journey has a conversation of its own, assigned to her. */
beforeEach(async () => {
  visitor = await desk.visitor();
});

async function conversation(first: string): Promise<string> {
  const { conversation_id: id } = await visitor.say(first);
  visitor.conversationId = id;
  await expectStatus(200, desk.owner.post(`/api/v1/conversations/${id}/assignment`, { agent_id: mina.id, team_id: null }));
  return id;
}

async function context(): Promise<BrowserContext> {
  const made = await newContext(browser, { width: 1440, height: 900 });
  const cookies = [...mina.cookies].map(([name, value]) => ({ name, value, url: desk.server.url }));
  await made.addCookies(cookies);
  return made;
}

async function tab(of: BrowserContext, path: string): Promise<ConsoleOnPage> {
  const made = await ConsoleOnPage.at(of, desk.server.url, path, CUT);
  await made.ready();
  return made;
}

/** What the customer has got from people, oldest first. */
async function received(): Promise<string[]> {
  const page = await expectStatus<any>(200, visitor.get(`/api/v1/visitor/conversations/${visitor.conversationId}/messages?limit=50`));
  return page.items.filter((m: any) => m.author.kind === 'agent').map((m: any) => m.body).reverse();
}
const go = (name: string, run: () => Promise<void>) => () => journey(browser, name, run);

test('two tabs stay in step: what is read, what is begun, who I am to others', go('tabs', async () => {
  const id = await conversation('first of the tabs');
  const both = await context();
  const list = await tab(both, '/console/inbox/mine');
  await list.row('first of the tabs').locator('.count').waitFor();
  const open = await tab(both, `/console/inbox/mine/${id}`);
  await open.sees('first of the tabs');
  await list.row('first of the tabs').locator('.count').waitFor({ state: 'detached' });

  await open.box.fill('half a sen');
  await list.row('Draft:').waitFor();
  await list.row('Draft:').click();
  await list.boxHolds(/^half a sen$/);
  await list.box.fill('half a sentence');
  await list.page.waitForTimeout(900);
  await open.page.evaluate(() => dispatchEvent(new Event('focus')));
  await open.boxHolds(/^half a sentence$/);
  await open.box.press('Enter');
  await list.sees('half a sentence');
  await list.boxHolds(/^$/);
  await list.row('Draft:').waitFor({ state: 'detached' });
  assert.deepEqual(await received(), ['half a sentence']);

  await open.setPresence(/^Busy/);
  await list.page.locator('.person', { hasText: 'Busy' }).waitFor();
  await list.available();
  await open.page.locator('.person', { hasText: 'Available' }).waitFor();
  assert.deepEqual([...list.complaints, ...open.complaints], []);
}));

test('a mention is told in every tab, wherever one is, and settled in every tab when it is seen', go('mention', async () => {
  const { conversation_id: id } = await visitor.say('about a mention');
  await expectStatus(200, desk.owner.post(`/api/v1/conversations/${id}/assignment`, { agent_id: desk.owner.id, team_id: null }));
  const both = await context();
  const one = await tab(both, '/console/settings/profile');
  const two = await tab(both, '/console/inbox/mine');
  const count = (on: ConsoleOnPage) => on.page.locator('nav a', { hasText: 'Mentions' }).locator('.count');
  const note = { client_id: `mention-${id}-0000`, kind: 'note', body: '@Mina Tabs please look', mentions: [mina.id], expect_seq: null };
  await expectStatus(201, desk.owner.post(`/api/v1/conversations/${id}/messages`, note));
  for (const on of [one, two]) await count(on).getByText('1').waitFor();
  await two.page.locator('nav a', { hasText: 'Mentions' }).click();
  await two.row('about a mention').click();
  await two.sees('please look');
  for (const on of [one, two]) await count(on).waitFor({ state: 'detached' });
}));

test('after sleep everything is there, without a reload', go('sleep', async () => {
  const id = await conversation('before sleep');
  const page = await tab(await context(), `/console/inbox/mine/${id}`);
  await page.sees('before sleep');
  const untouched = await page.mark();
  const line = await page.page.context().newCDPSession(page.page);
  await line.send('Page.setWebLifecycleState', { state: 'frozen' });
  await line.send('Network.emulateNetworkConditions', { offline: true, latency: 0, downloadThroughput: 0, uploadThroughput: 0 });
  // Its socket does not outlive the sleep.
  await desk.server.kill();
  await desk.server.launch();
  for (let i = 0; i < 5; i++) await visitor.say(`while asleep ${i}`);
  await line.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await line.send('Page.setWebLifecycleState', { state: 'active' });
  for (let i = 0; i < 5; i++) {
    await page.sees(`while asleep ${i}`);
    assert.equal(await page.count(`while asleep ${i}`), 1);
  }
  await page.live();
  assert.ok(await untouched(), 'the console was loaded again');
}));

test('without a line what is sent waits in sight, and goes out once', go('offline', async () => {
  const id = await conversation('a word before the cut');
  const page = await tab(await context(), `/console/inbox/mine/${id}`);
  await page.sees('a word before the cut');
  await desk.server.kill();
  await page.say('written into the void');
  await page.button(/Offline, trying again|Connecting/).waitFor();
  await page.page.locator('.outgoing', { hasText: 'written into the void' }).waitFor();
  await shot(page.page, 'console-offline');
  // A reload in the middle of it does not lose it either.
  await desk.server.launch();
  await page.page.reload();
  await page.ready();
  await page.log.locator('.bubble:not(.pending)', { hasText: 'written into the void' }).waitFor();
  assert.equal(await page.count('written into the void'), 1);
  assert.deepEqual(await received(), ['written into the void']);
}));

test('an answer stops when something came while it was written', go('stale', async () => {
  const id = await conversation('my question');
  const page = await tab(await context(), `/console/inbox/mine/${id}`);
  await page.sees('my question');
  await page.box.pressSequentially('an answer to the');
  await visitor.say('forget it, here is another one');
  await page.page.getByText('1 message came while you were writing').waitFor();
  await page.box.press('Enter');
  await page.page.getByText('Not sent: something came while you were writing').waitFor();
  await shot(page.page, 'console-stale');
  assert.deepEqual(await received(), []);
  await page.boxHolds(/^an answer to the$/);
  await page.button('Keep editing').click();
  await page.say('an answer to the other');
  await page.log.locator('.bubble:not(.pending)', { hasText: 'an answer to the other' }).waitFor();
  assert.deepEqual(await received(), ['an answer to the other']);
}));

test('Enter that belongs to the input method does not send', go('ime', async () => {
  const id = await conversation('输入法');
  const page = await tab(await context(), `/console/inbox/mine/${id}`);
  await page.box.focus();
  const line = await page.page.context().newCDPSession(page.page);
  const enter = async (code: number) => {
    for (const type of ['rawKeyDown', 'keyUp'] as const) await line.send('Input.dispatchKeyEvent', { type, key: 'Enter', code: 'Enter', windowsVirtualKeyCode: code });
  };
  await line.send('Input.imeSetComposition', { text: 'nihao', selectionStart: 5, selectionEnd: 5 });
  await enter(13);
  await enter(229);
  await line.send('Input.insertText', { text: '你好' });
  // Safari tells of the end before the Enter that caused it.
  await enter(229);
  await page.boxHolds(/^你好$/);
  assert.equal(await page.log.locator('.message.out, .outgoing').count(), 0);
  // An entry of the list under `/` is not chosen by it either.
  await page.box.fill('');
  await line.send('Input.imeSetComposition', { text: '/g', selectionStart: 2, selectionEnd: 2 });
  await enter(13);
  await line.send('Input.insertText', { text: '好的' });
  await page.box.press('Enter');
  await page.log.locator('.bubble:not(.pending)', { hasText: '好的' }).waitFor();
  assert.deepEqual(await received(), ['好的']);
}));

/** Every notification that the browser is asked for, from all tabs; they are made all the same. */
async function notifications(of: BrowserContext): Promise<string[]> {
  const made: string[] = [];
  await of.grantPermissions(['notifications'], { origin: desk.server.url });
  await of.exposeFunction('wasNotified', (text: string) => void made.push(text));
  await of.addInitScript(() => {
    const w = globalThis as unknown as { Notification: typeof Notification; wasNotified: (text: string) => void };
    w.Notification = class extends w.Notification {
      constructor(title: string, options?: NotificationOptions) {
        super(title, options);
        w.wasNotified(`${title}: ${options?.body ?? ''}`);
      }
    };
  });
  return made;
}

test('who looks elsewhere is told once, with however many tabs; who looks is not', go('notify', async () => {
  const id = await conversation('loud enough?');
  const both = await context();
  const made = await notifications(both);
  const first = await tab(both, '/console/settings/profile');
  await first.page.getByRole('switch', { name: /^Desktop notifications/ }).click();
  await first.page.getByRole('switch', { name: /^Desktop notifications/, checked: true }).waitFor();
  const second = await tab(both, `/console/inbox/mine/${id}`);
  await second.sees('loud enough?');
  await visitor.say('said to your face');
  await second.sees('said to your face');
  assert.deepEqual(made, []);
  // The window goes into the background: Chromium is not to pretend that each page has the focus.
  for (const on of [first, second]) {
    const line = await both.newCDPSession(on.page);
    await line.send('Emulation.setFocusEmulationEnabled', { enabled: false });
  }
  await (await both.newPage()).bringToFront();
  for (const { page } of [first, second]) assert.equal(await page.evaluate(() => document.hasFocus()), false);
  await visitor.say('said behind your back');
  await second.sees('said behind your back');
  for (let i = 0; i < 50 && made.length === 0; i++) await first.page.waitForTimeout(50);
  await first.page.waitForTimeout(300);
  assert.deepEqual(made, ['Anonymous visitor: said behind your back']);
}));
