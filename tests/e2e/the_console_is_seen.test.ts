/** Every page of the console in both languages, light and dark, wide and on a phone: clean for axe, nothing wider than the screen, and a picture to look at. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import type { Browser } from 'playwright-core';

import { AgentClient, Visitor } from '../integration/desk.js';
import { expectStatus } from '../integration/http.js';
import { Server } from '../integration/server.js';
import { axe, journey, launch, shot, type Look } from './browser.js';
import { ConsoleOnPage } from './console.js';

const OWNER = { email: 'owner@demo.example', password: 'stablehand demo' };
let server: Server;
let browser: Browser;
let conversation = '';

before(async () => {
  server = await Server.start({ demo: true });
  browser = await launch();
  const owner = new AgentClient(server.url);
  await owner.signIn(OWNER.email, OWNER.password);
  const inboxes = await expectStatus<any>(200, owner.get('/api/v1/inboxes'));
  const visitor = await Visitor.open(server, inboxes.items[0].key, { locale: 'zh-CN' });
  conversation = (await visitor.say('我的提现为什么还没到账？')).conversation_id;
  await visitor.say('My withdrawal has not arrived, TXID 0x9f2c4e1b7a3d5086c1e2f3a4b5c6d7e8f90123456789abcdef0123456789abcd');
  await expectStatus(200, owner.post(`/api/v1/conversations/${conversation}/assignment`, { agent_id: owner.id, team_id: null }));
  const lost = await Visitor.open(server, inboxes.items[0].key, { locale: 'en' });
  await lost.say('Do you sponsor football clubs?');
  await missed(owner, 'football');
});
after(async () => {
  await browser?.close();
  await server?.dispose();
});

/** The bot has tried and listed it. */
async function missed(owner: AgentClient, words: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const all = await expectStatus<any>(200, owner.get('/api/v1/bot/misses'));
    if (all.items.some((m: any) => m.text?.includes(words))) return;
    await new Promise((r) => setTimeout(r, 50));
  }
  throw new Error(`the bot has not missed ${words}`);
}

const pages = () => [
  ['inbox-empty', '/inbox/snoozed'],
  ['conversation', `/inbox/mine/${conversation}`],
  ['search', '/search?q=TXID'],
  ['live', '/live'],
  ['knowledge', '/knowledge'],
  ['article', '/knowledge/1'],
  ['bot', '/bot'],
  ['bot-misses', '/bot/misses'],
  ...['profile', 'security', 'workspace', 'inboxes', 'agents', 'roles', 'teams', 'canned', 'keys'].map((s) => [`settings-${s}`, `/settings/${s}`]),
  ['unknown', '/nowhere'],
];

const looks: [string, Look][] = [
  ['en-light', { locale: 'en-US' }],
  ['zh-dark', { locale: 'zh-CN', dark: true }],
  ['zh-light-phone', { locale: 'zh-CN', width: 390, height: 844 }],
  ['en-dark-phone', { locale: 'en-US', dark: true, width: 390, height: 844 }],
];

for (const [tag, look] of looks) {
  test(`${tag}: every page is clean for axe and fits`, () => journey(browser, `seen-${tag}`, () => seeAll(tag, look)));
}

async function seeAll(tag: string, look: Look): Promise<void> {
  const desk = await ConsoleOnPage.signIn(browser, server.url, OWNER, look);
  const { page } = desk;
  const found: string[] = [];
  for (const [name, path] of pages()) {
    await page.goto(`${server.url}/console${path}`);
    await desk.settled();
    await shot(page, `page-${name}-${tag}`);
    found.push(...(await axe(page)).map((v) => `${name}: ${v}`));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) found.push(`${name}: ${wide} px too wide`);
  }
  assert.deepEqual(found, []);
  assert.deepEqual(desk.complaints, []);
}
