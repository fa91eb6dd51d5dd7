/** Lines break, servers restart, tabs are reloaded: what the customer wrote arrives, once. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import type { Browser, BrowserContext, Page } from 'playwright-core';

import { Desk } from '../integration/desk.js';
import { expectStatus } from '../integration/http.js';
import { launch, newContext, shot } from './browser.js';
import { hostPage, type Host } from './host.js';
import { WidgetOnPage } from './widget.js';

let desk: Desk;
let browser: Browser;
let host: Host;
let context: BrowserContext;

before(async () => {
  host = await hostPage();
  desk = await Desk.start({}, { allowed_origins: [host.origin] });
  host.desk = desk.server.url;
  host.inbox = desk.inbox.key;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await desk?.dispose();
  host?.close();
});
afterEach(() => context?.close());

async function openPage(): Promise<{ page: Page; widget: WidgetOnPage }> {
  context = await newContext(browser, { width: 420, height: 720 });
  const page = await context.newPage();
  await page.goto(host.origin);
  const widget = await WidgetOnPage.open(page);
  await widget.startChat();
  return { page, widget };
}

/** The bodies that the server has stored of the customer's, oldest first. */
async function storedBodies(needle: string): Promise<string[]> {
  const list = await expectStatus<any>(200, desk.owner.get('/api/v1/conversations?view=all&limit=100'));
  const bodies: string[] = [];
  for (const c of list.items) {
    const page = await expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${c.id}/messages?limit=100`));
    bodies.push(...page.items.map((m: any) => m.body as string).filter((b: string) => b.includes(needle)).reverse());
  }
  return bodies;
}
async function publishArticle(): Promise<void> {
  const { owner } = desk;
  const both = (text: string) => ({ en: text, 'zh-CN': text });
  const category = { slug: 'deposits', name: both('Deposits'), description: both('Money in'), icon: 'deposit', position: 1 };
  const c = await expectStatus<any>(201, owner.post('/api/v1/categories', category));
  const a = await expectStatus<any>(201, owner.post('/api/v1/articles', { slug: 'receipts', category_id: c.id, risk: 'none' }));
  const path = `/api/v1/articles/${a.id}/translations/en`;
  const text = { title: 'Which receipts we need', summary: 'Two of them.', answer: 'Send both receipts.', body: 'Send both.', phrasings: [] };
  await expectStatus(200, owner.put(path, text, { 'if-match': '"v0"' }));
  await expectStatus(200, owner.post(`${path}/publication`, undefined, { 'if-match': '"v1"' }));
}
/** The server has it: the bubble is not pale any more. */
const ticked = (widget: WidgetOnPage, text: string) =>
  widget.log.locator('.bubble:not(.pending)', { hasText: text }).first().waitFor({ timeout: 20_000 });

test('what is written without a line is shown as waiting, and sent once when the line is back', async () => {
  const { page, widget } = await openPage();
  await widget.say('off-0 before');
  await widget.sees('off-0 before');
  await ticked(widget, 'off-0 before');
  await desk.server.stop();
  await widget.say('off-1 while away');
  await widget.say('off-2 while away');
  await widget.frame.locator('.banner').waitFor();
  assert.equal(await widget.count('off-1'), 1);
  await shot(page, 'widget-offline');
  await desk.server.launch();
  await page.evaluate(() => dispatchEvent(new Event('focus')));
  await widget.frame.evaluate(() => dispatchEvent(new Event('online')));
  for (const text of ['off-1', 'off-2']) await ticked(widget, text);
  assert.equal(await widget.count('off-1'), 1);
  assert.deepEqual(await storedBodies('off-'), ['off-0 before', 'off-1 while away', 'off-2 while away']);
});

test('a server that is killed in the middle loses and doubles nothing', async () => {
  const { widget } = await openPage();
  for (let i = 0; i < 3; i++) {
    await widget.say(`kill-${i} a`);
    await widget.say(`kill-${i} b`);
    await desk.server.kill();
    await widget.say(`kill-${i} c`);
    await desk.server.launch();
    await widget.frame.evaluate(() => dispatchEvent(new Event('online')));
    await ticked(widget, `kill-${i} c`);
  }
  const expected = [0, 1, 2].flatMap((i) => ['a', 'b', 'c'].map((x) => `kill-${i} ${x}`));
  assert.deepEqual(await storedBodies('kill-'), expected);
  assert.equal(await widget.log.locator('.bubble').filter({ hasText: 'kill-' }).count(), expected.length);
});

test('unsent messages survive a reload', async () => {
  const { page, widget } = await openPage();
  await widget.say('reload-0');
  await ticked(widget, 'reload-0');
  // The page stays reachable, the line does not.
  await page.route('**/api/v1/**', (r) => r.abort());
  await desk.server.stop();
  await widget.say('reload-1');
  await widget.sees('reload-1');
  await desk.server.launch();
  await page.unroute('**/api/v1/**');
  await page.reload();
  const again = await WidgetOnPage.open(page);
  await again.startChat();
  await ticked(again, 'reload-1');
  assert.equal(await again.count('reload-1'), 1);
  assert.deepEqual(await storedBodies('reload-'), ['reload-0', 'reload-1']);
});

test('text and files that wait in the composer outlive a look at an article', async () => {
  await publishArticle();
  const { page, widget } = await openPage();
  let release = (): void => undefined;
  const held = new Promise<void>((r) => (release = r));
  await page.route('**/api/v1/visitor/files*', async (route) => {
    if (route.request().url().includes('slow')) await held;
    await route.continue();
  });
  const chip = (name: string) => widget.frame.locator('.composer .context', { hasText: name });
  const file = (name: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(`of ${name}`) });
  await widget.box.fill('both receipts');
  await widget.frame.locator('input[type=file]').first().setInputFiles([file('quick.txt'), file('slow.txt')]);
  await widget.frame.getByText(/^quick\.txt$/).waitFor();
  await widget.frame.locator('.composer progress').waitFor();
  await widget.button(/Back/).click();
  await widget.frame.locator('.articles li button').first().click();
  await widget.frame.locator('article h2').waitFor();
  await shot(page, 'widget-article-meanwhile');
  await widget.button('Start a chat').click();
  await chip('quick.txt').waitFor();
  await chip('slow.txt').waitFor();
  assert.equal(await widget.box.inputValue(), 'both receipts');
  await shot(page, 'widget-files-wait');
  // The rest arrives while nobody looks.
  await widget.button(/Back/).click();
  const stored = page.waitForResponse((r) => r.url().includes('slow.txt') && r.status() === 201);
  release();
  await stored;
  await widget.button(/Back/).click();
  await widget.startChat();
  await widget.frame.getByText(/^slow\.txt$/).waitFor();
  await widget.button('Send').click();
  for (const name of [/quick\.txt/, /slow\.txt/]) await widget.log.getByRole('button', { name }).waitFor();
  await ticked(widget, 'both receipts');
  assert.deepEqual(await storedBodies('both receipts'), ['both receipts']);
});

test('two tabs show the same conversation, and each message once', async () => {
  const { widget } = await openPage();
  await widget.say('tabs-0');
  await ticked(widget, 'tabs-0');
  const second = await context.newPage();
  await second.goto(host.origin);
  const other = await WidgetOnPage.open(second);
  await other.startChat();
  await other.sees('tabs-0');
  await other.say('tabs-1');
  await widget.sees('tabs-1');
  await Promise.all([widget.say('tabs-2'), other.say('tabs-3')]);
  for (const w of [widget, other]) {
    for (const text of ['tabs-0', 'tabs-1', 'tabs-2', 'tabs-3']) {
      await w.sees(text);
      assert.equal(await w.count(text), 1);
    }
  }
  const order = (w: WidgetOnPage) => w.log.locator('.bubble').filter({ hasText: 'tabs-' }).allInnerTexts();
  assert.deepEqual(await order(widget), await order(other));
  assert.equal((await storedBodies('tabs-')).length, 4);
});

test('Enter that accepts a candidate of the input method does not send', async () => {
  const { page, widget } = await openPage();
  await widget.box.focus();
  const line = await context.newCDPSession(page);
  await line.send('Input.imeSetComposition', { text: 'ni hao', selectionStart: 6, selectionEnd: 6 });
  // What browsers do while composing: keydown 229 with isComposing, and Safari's Enter after the end.
  await widget.box.evaluate((box) => {
    for (const [isComposing, keyCode] of [[true, 229], [false, 229], [true, 13]] as const) {
      box.dispatchEvent(Object.defineProperty(new KeyboardEvent('keydown', { key: 'Enter', isComposing, bubbles: true, cancelable: true }), 'keyCode', { value: keyCode }));
    }
  });
  await line.send('Input.insertText', { text: '你好' });
  assert.equal(await widget.log.locator('.bubble').count(), 0);
  assert.equal(await widget.box.inputValue(), '你好');
  await widget.box.press('Shift+Enter');
  assert.equal(await widget.log.locator('.bubble').count(), 0);
  await widget.box.press('Enter');
  await widget.sees('你好');
});
