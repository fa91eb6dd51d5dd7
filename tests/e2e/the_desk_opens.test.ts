/** The first day of a desk: an owner, an invitation, a second factor, and a conversation from sign-in to resolved without a mouse. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';

import type { Browser } from 'playwright-core';

import { AgentClient, Desk, PASSWORD, Visitor } from '../integration/desk.js';
import { expectStatus } from '../integration/http.js';
import { Server } from '../integration/server.js';
import { axe, journey, launch, newContext, shot } from './browser.js';
import { ConsoleOnPage } from './console.js';

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const OWNER = { email: 'owner@desk.example', password: PASSWORD };

/** RFC 6238 with what every authenticator app uses: SHA-1, 30 s, six digits. */
function oneTimeCode(secret: string, at = Date.now()): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replace(/\s/g, '')].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac('sha1', key).update(counter).digest();
  const from = mac[19]! & 15;
  return String((mac.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

for (const [tag, locale] of [['en', 'en-US'], ['zh', 'zh-CN']] as const) {
  test(`${tag}: the first start makes the owner, who invites an agent by link, who joins and takes a conversation`, async () => {
    const server = await Server.start();
    try {
      await journey(browser, `open-${tag}`, () => firstDay(server, tag, locale));
    } finally {
      await server.dispose();
    }
  });
}

async function firstDay(server: Server, tag: string, locale: string): Promise<void> {
  const context = await newContext(browser, { locale, width: 1440, height: 900 });
  const owner = await ConsoleOnPage.at(context, server.url);
  const { page } = owner;
  await page.locator('input[name=brand]').fill('Nova Exchange');
  await page.locator('input[name=name]').fill('Olive Owner');
  await page.locator('input[name=email]').fill(OWNER.email);
  await page.locator('input[name=password]').fill('too short');
  await page.locator('button[type=submit]').click();
  await page.getByText(/^(At least 12 characters, please\.|至少需要 12 个字符。)$/).waitFor();
  await page.locator('input[name=password]').fill(PASSWORD);
  assert.deepEqual(await axe(page), []);
  await shot(page, `console-${tag}-setup`);
  await page.locator('button[type=submit]').click();
  await owner.ready();

  await page.goto(`${server.url}/console/settings/agents`);
  await owner.button(/^(Invite|邀请)$/).click();
  await page.locator('#invite-form input[type=email]').fill('ada@desk.example');
  await page.locator('button[form=invite-form]').click();
  const link = await page.locator('dialog[open] code').innerText();
  await shot(page, `console-${tag}-invitation`);

  await page.locator('dialog[open] footer').getByRole('button', { name: /^(Close|关闭)$/ }).click();
  await page.getByRole('cell', { name: 'ada@desk.example' }).waitFor();

  const other = await newContext(browser, { locale, width: 1440, height: 900 });
  const ada = await ConsoleOnPage.at(other, '', link, [/status of 401/]);
  await ada.page.locator('input[name=name]').fill('Ada Agent');
  await ada.page.locator('input[name=password]').fill(PASSWORD);
  await shot(ada.page, `console-${tag}-join`);
  assert.deepEqual(await axe(ada.page), []);
  await ada.page.locator('button[type=submit]').click();
  await ada.ready();
  assert.equal(new URL(ada.page.url()).hash, '', 'the token stays in the address');
  // The link is good for one.
  const again = await ConsoleOnPage.at(await newContext(browser, { locale }), '', link, [/status of 4/]);
  await again.page.getByText(/^(This invitation is not valid|邀请无效)/).first().waitFor();

  await owner.setPresence(/^(Busy|忙碌)/);
  // She speaks the customer's language by default and is offered what comes.
  await ada.available();
  const client = new AgentClient(server.url);
  await client.signIn(OWNER.email);
  const inbox = await expectStatus<any>(201, client.post('/api/v1/inboxes', { name: 'Web', allowed_origins: [server.url], greeting: { en: 'Hi', 'zh-CN': '您好' }, accent: '#0f766e', bot_enabled: false }));
  const visitor = await Visitor.open(server, inbox.key, { locale });
  await visitor.say('Hello 你好');
  await ada.accept();
  await ada.sees('Hello 你好');
  assert.deepEqual(ada.complaints, []);
  assert.deepEqual(owner.complaints, []);
}

test('a second factor: set up by what the code says, asked for at the next sign-in, a recovery code works once', async () => {
  const desk = await Desk.start();
  try {
    await journey(browser, 'totp', () => secondFactor(desk));
  } finally {
    await desk.dispose();
  }
});

async function secondFactor(desk: Desk): Promise<void> {
  const url = desk.server.url;
  const agent = await ConsoleOnPage.signIn(browser, url, OWNER, {}, [/status of 4/]);
  const { page } = agent;
  await page.goto(`${url}/console/settings/security`);
  await agent.button('Set up').click();
  await page.locator('form', { has: agent.button('Set up') }).locator('input').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.locator('.secret code').waitFor();
  await shot(page, 'console-totp');
  assert.deepEqual(await axe(page), []);
  const secret = await page.locator('.secret code').innerText();
  await page.getByLabel('Code', { exact: true }).fill('000000');
  await agent.button('Switch on').click();
  await page.getByText('That code is not right').waitFor();
  await page.getByLabel('Code', { exact: true }).fill(oneTimeCode(secret));
  await agent.button('Switch on').click();
  const recovery = await page.locator('dialog[open] .codes code').first().innerText();
  assert.deepEqual(await axe(page), []);
  await agent.button('I have kept them').click();
  await page.getByText('The second factor is on.').waitFor();
  // Who could not be signed out hears of it, and is still there.
  await page.route('**/api/v1/session', (route) => (route.request().method() === 'DELETE' ? route.abort() : route.continue()));
  await page.locator('.person').click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByText('The server cannot be reached').waitFor();
  await page.unroute('**/api/v1/session');
  for (const expected of ['in', 'refused'] as const) {
    await agent.signOut();
    await agent.fillSignIn(OWNER);
    await page.locator('input[name=code]').fill(recovery);
    await page.keyboard.press('Enter');
    if (expected === 'in') await agent.ready();
    else await page.getByText('That code is not right').waitFor();
    if (expected === 'refused') {
      // The next one: the code of this half minute was used when it was switched on.
      await page.locator('input[name=code]').fill(oneTimeCode(secret, Date.now() + 30_000));
      await page.keyboard.press('Enter');
      await agent.ready();
    }
  }
}

test('without a mouse: sign in, be available, accept, answer, note, snooze, search, resolve', async () => {
  const desk = await Desk.start();
  try {
    await journey(browser, 'keyboard', () => keyboardOnly(desk));
  } finally {
    await desk.dispose();
  }
});

async function keyboardOnly(desk: Desk): Promise<void> {
  const context = await newContext(browser, { width: 1440, height: 900 });
  const agent = await ConsoleOnPage.at(context, desk.server.url, '/console/', [/status of 401/]);
  const { page } = agent;
  const keys = async (...all: string[]) => {
    for (const key of all) await page.keyboard.press(key);
  };
  await page.locator('input[name=email]:focus').waitFor();
  await page.keyboard.type(OWNER.email);
  await keys('Tab');
  await page.keyboard.type(PASSWORD);
  await keys('Enter');
  await agent.ready();

  // The command bar knows presence too.
  await keys('Control+k');
  await page.keyboard.type('available');
  await keys('Enter');
  const visitor = await desk.visitor();
  await visitor.say('Where is my deposit?');
  await agent.offer.waitFor();
  await keys('Control+.');
  await agent.sees('Where is my deposit?');
  await keys('r');
  await page.keyboard.type('On its way.');
  await keys('Enter');
  await agent.log.locator('.bubble:not(.pending)', { hasText: 'On its way.' }).waitFor();
  await keys('Escape', 'n');
  await page.keyboard.type('Seen in the block explorer.');
  await keys('Enter', 'Escape');
  await agent.log.locator('.bubble.note').waitFor();
  await keys('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  assert.deepEqual(await axe(page), []);
  // A shortcut opens the menu on its first entry; Escape gives the keyboard back to where it was.
  await keys('Escape');
  await page.locator('.conversation header button').first().focus();
  await keys('s');
  await page.locator('[role=menuitem]:focus', { hasText: 'Until the customer replies' }).waitFor();
  await keys('Escape');
  await page.locator('.conversation header button:focus').first().waitFor();
  await keys('s', 'Enter');
  await agent.state(/Snoozed/).waitFor();
  await keys('/');
  await page.locator('input[type=search]:focus').waitFor();
  await page.keyboard.type('deposit');
  await page.getByRole('link', { name: /Where is my deposit/ }).waitFor();
  await keys('Tab');
  for (let i = 0; i < 4 && !(await page.evaluate(() => document.activeElement?.textContent?.includes('deposit'))); i++) await keys('Tab');
  await keys('Enter');
  await agent.sees('On its way.');
  await keys('e');
  await agent.box.waitFor({ state: 'detached' });
  const resolved = await expectStatus<any>(200, desk.owner.get('/api/v1/conversations?view=resolved'));
  assert.equal(resolved.items.length, 1);
}
