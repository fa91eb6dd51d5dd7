/** The widget in an exchange's own page: another origin, the strictest policy, no shift of layout; who may frame it, and who is signed in. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import type { Browser } from 'playwright-core';

import { clientId, Desk } from '../integration/desk.js';
import { expectStatus } from '../integration/http.js';
import { complaintsOf, launch, newContext, shot, watchShifts } from './browser.js';
import { hostPage, signedIdentity, tell, type Host } from './host.js';
import { WidgetOnPage } from './widget.js';

let desk: Desk;
let browser: Browser;
let host: Host;
let secret = '';

before(async () => {
  host = await hostPage();
  desk = await Desk.start({}, { allowed_origins: [host.origin] });
  host.desk = desk.server.url;
  host.inbox = desk.inbox.key;
  secret = (await expectStatus<any>(200, desk.owner.post(`/api/v1/inboxes/${desk.inbox.id}/identity-secret`))).secret;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await desk?.dispose();
  host?.close();
});

const identity = (uid: string, name: string) => signedIdentity(host.inbox, secret, uid, name);

test('no violation of the policy, no shift of layout, nothing loaded before it is wanted', async () => {
  const context = await newContext(browser, { width: 1000, height: 700 });
  const page = await context.newPage();
  const complaints = complaintsOf(page);
  const shifts = await watchShifts(page);
  const asked: string[] = [];
  page.on('request', (r) => asked.push(new URL(r.url()).pathname));
  await page.goto(host.origin);
  await page.locator('stablehand-widget').waitFor({ state: 'attached' });
  await page.waitForTimeout(500);
  assert.deepEqual(asked.filter((p) => p.startsWith('/widget/')), ['/widget/loader.js']);
  const widget = await WidgetOnPage.open(page);
  await widget.startChat();
  await widget.say('hello from a strict page');
  await widget.sees('hello from a strict page');
  await shot(page, 'widget-strict-host');
  assert.deepEqual(complaints, []);
  assert.equal(await shifts(), 0);
  await page.keyboard.press('Escape');
  await widget.frame.locator('h1').waitFor({ state: 'hidden' });
  await context.close();
});

test('what the first look costs: at most 45 kB of scripts, and the chat only when somebody reaches for it', async () => {
  const context = await newContext(browser, { width: 1000, height: 700 });
  const page = await context.newPage();
  const shifts = await watchShifts(page);
  const scripts = new Map<string, Promise<number>>();
  page.on('response', (r) => {
    const { pathname } = new URL(r.url());
    if (/^\/widget\/assets\/.*\.js$/.test(pathname)) scripts.set(pathname, r.body().then((b) => gzipSync(b, { level: 9 }).length));
  });
  const has = (name: string) => [...scripts.keys()].some((p) => p.includes(`/${name}-`));
  await page.goto(host.origin);
  const widget = await WidgetOnPage.open(page);
  const start = widget.button('Start a chat');
  await start.waitFor();
  await page.waitForTimeout(1500);
  const bytes = (await Promise.all(scripts.values())).reduce((sum, n) => sum + n, 0);
  assert.ok(bytes > 20_000 && bytes <= 45_000, `${bytes} bytes: ${[...scripts.keys()].join(' ')}`);
  assert.ok(!has('chat'), 'the chat waits');
  // Slow to come: its place is kept meanwhile.
  let release = (): void => undefined;
  const held = new Promise<void>((r) => (release = r));
  await page.route('**/widget/assets/chat-*.js', async (route) => {
    await held;
    await route.continue();
  });
  const asked = page.waitForRequest(/\/widget\/assets\/chat-/);
  await start.hover();
  await asked;
  await start.click();
  const bar = widget.frame.locator('main .bar');
  const before = await bar.boundingBox();
  await shot(page, 'widget-chat-loading');
  release();
  await widget.box.waitFor();
  const after = await widget.frame.locator('.composer').boundingBox();
  assert.ok(before && after && Math.abs(before.y - after.y) <= 1 && Math.abs(before.height - after.height) <= 1, JSON.stringify([before, after]));
  assert.equal(await shifts(), 0);
  // With a conversation under way it is the next step.
  await widget.say('hello once more');
  await widget.sees('hello once more');
  await widget.log.locator('.bubble:not(.pending)').first().waitFor();
  await page.unroute('**/widget/assets/chat-*.js');
  scripts.clear();
  await page.reload();
  await WidgetOnPage.open(page);
  for (let i = 0; i < 100 && !has('chat'); i++) await page.waitForTimeout(100);
  assert.ok(has('chat'), 'under way: fetched at once');
  await context.close();
});

test('a page that the inbox does not name cannot show the chat', async () => {
  const stranger = await hostPage();
  stranger.desk = host.desk;
  stranger.inbox = host.inbox;
  const context = await newContext(browser);
  const page = await context.newPage();
  const said: string[] = [];
  page.on('console', (m) => said.push(m.text()));
  await page.goto(stranger.origin);
  await page.locator('stablehand-widget').waitFor({ state: 'attached' });
  await tell(page, 'open');
  for (let i = 0; i < 50 && !said.some((s) => /frame-ancestors/.test(s)); i++) await page.waitForTimeout(100);
  assert.ok(said.some((s) => /frame-ancestors/.test(s)), said.join('\n'));
  stranger.close();
  await context.close();
});

test('an inbox that does not exist says so', async () => {
  const answer = await fetch(`${desk.server.url}/widget/frame?inbox=nobody`);
  assert.equal(answer.status, 404);
  assert.match(await answer.text(), /does not exist/);
});

test('an answer that comes while the window is closed shows on the page', async () => {
  const agent = await desk.agent('Nina Closed', 'agent', { capacity: 5 });
  const line = agent.openSocket();
  await line.frame('live');
  await expectStatus(200, agent.put('/api/v1/presence', { status: 'available' }));
  const context = await newContext(browser, { width: 1000, height: 700 });
  const page = await context.newPage();
  await page.goto(host.origin);
  const widget = await WidgetOnPage.open(page);
  await widget.startChat();
  await widget.say('are you there, closed one?');
  const { offer } = await line.frame('offer', (f) => /closed one/.test(f.offer.preview));
  const talk = await expectStatus<any>(200, agent.post(`/api/v1/offers/${offer.id}`, { accept: true }));
  await widget.frame.locator('.system').first().waitFor();
  // Another visit: the loader wakes the app by itself, because this browser has a conversation.
  await page.reload();
  const body = 'We have **found** your deposit.';
  line.send({ t: 'view', conversation_id: talk.id, open: true, have: 0 });
  line.send({ t: 'send', conversation_id: talk.id, message: { client_id: clientId(), kind: 'public', body, expect_seq: null } });
  const { seq } = await line.frame('ack');
  // The loader's shadow root is closed to scripts, not to a screen reader.
  const launcher = () => page.accessibility.snapshot().then((tree) => JSON.stringify(tree));
  for (let i = 0; i < 100 && !(await launcher()).includes('Contact support (1)'); i++) await page.waitForTimeout(100);
  assert.match(await launcher(), /Contact support \(1\)/);
  assert.match(await launcher(), /We have found your deposit\./);
  await shot(page, 'widget-closed-unread');
  await tell(page, 'open');
  const closed = await WidgetOnPage.find(page);
  await closed.log.getByText('New messages').waitFor();
  await closed.sees('found');
  const read = await line.frame('receipt', (f) => f.customer_read_seq >= seq);
  assert.equal(read.conversation_id, talk.id);
  line.close();
  await context.close();
});

test('who signs in keeps the conversation; who signs out leaves nothing behind', async () => {
  const context = await newContext(browser, { width: 1000, height: 700 });
  const page = await context.newPage();
  await page.goto(host.origin);
  const widget = await WidgetOnPage.open(page);
  await widget.startChat();
  await widget.say('written before signing in');
  await widget.log.locator('.bubble:not(.pending)').first().waitFor();
  await tell(page, 'identify', identity('u-77', 'Lin Wei'));
  await widget.button('Back').click();
  await widget.frame.getByText('Signed in as Lin Wei').waitFor();
  await widget.startChat();
  await widget.sees('written before signing in');
  await tell(page, 'logout');
  await widget.button('Start a chat').waitFor();
  await widget.startChat();
  assert.equal(await widget.log.locator('.bubble').count(), 0);
  await tell(page, 'identify', identity('u-77', 'Lin Wei'));
  await widget.sees('written before signing in');
  await context.close();
});

test('a forged identity does not sign in, and help is there all the same', async () => {
  const context = await newContext(browser, { width: 1000, height: 700 });
  const page = await context.newPage();
  await page.goto(host.origin);
  const widget = await WidgetOnPage.open(page);
  await tell(page, 'identify', `${identity('u-1', 'Mallory').slice(0, -6)}AAAAAA`);
  await widget.startChat();
  await widget.say('still works');
  await widget.log.locator('.bubble:not(.pending)').first().waitFor();
  assert.equal(await widget.frame.getByText('Mallory').count(), 0);
  await context.close();
});
