/** What the page's developers and its visitors may rely on around the chat itself: the launcher's commands, focus and Escape, news while nobody looks, a shared
 * computer, a browser that keeps nothing, a form before the chat, files that are pasted and dropped. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import type { Browser, BrowserContext, Page } from 'playwright-core';

import { clientId, Desk, type AgentClient } from '../integration/desk.js';
import { expectStatus } from '../integration/http.js';
import type { SocketClient } from '../integration/sockets.js';
import { axe, complaintsOf, launch, newContext, shot } from './browser.js';
import { hostPage, signedIdentity, tell, type Host } from './host.js';
import { WidgetOnPage } from './widget.js';

let desk: Desk;
let browser: Browser;
let host: Host;
let context: BrowserContext;
let secret = '';
let agent: AgentClient;
let line: SocketClient;

before(async () => {
  host = await hostPage();
  desk = await Desk.start({}, { allowed_origins: [host.origin] });
  host.desk = desk.server.url;
  host.inbox = desk.inbox.key;
  secret = (await expectStatus<any>(200, desk.owner.post(`/api/v1/inboxes/${desk.inbox.id}/identity-secret`))).secret;
  agent = await desk.agent('Nina', 'agent', { capacity: 20 });
  line = agent.openSocket();
  await line.frame('live');
  await expectStatus(200, agent.put('/api/v1/presence', { status: 'available' }));
  browser = await launch();
});
after(async () => {
  line?.close();
  await browser?.close();
  await desk?.dispose();
  host?.close();
});
afterEach(() => context?.close());

const identity = (uid: string, name: string) => signedIdentity(host.inbox, secret, uid, name);
/** The loader's shadow root is closed to scripts, not to a screen reader. */
const launcher = (page: Page) => page.accessibility.snapshot({ interestingOnly: false }).then((tree) => JSON.stringify(tree));
async function until(what: () => Promise<boolean>, message: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (await what()) return;
    await new Promise((r) => setTimeout(r, 100));
  }
  assert.fail(message);
}
async function openPage(query = '', look = {}): Promise<Page> {
  context ??= await newContext(browser, { width: 1000, height: 700, ...look });
  const page = await context.newPage();
  await page.goto(`${host.origin}/${query}`);
  await page.locator('stablehand-widget').waitFor({ state: 'attached' });
  return page;
}
async function fresh(look = {}): Promise<void> {
  context = await newContext(browser, { width: 1000, height: 700, ...look });
}
/** A visitor writes, an agent takes it; gives the conversation. */
async function talk(widget: WidgetOnPage, text: string): Promise<string> {
  await widget.say(text);
  const { offer } = await line.frame('offer', (f) => f.offer.preview.includes(text));
  const { id } = await expectStatus<any>(200, agent.post(`/api/v1/offers/${offer.id}`, { accept: true }));
  line.send({ t: 'view', conversation_id: id, open: true, have: 0 });
  await widget.frame.locator('.system').first().waitFor();
  return id;
}
async function reply(conversation: string, body: string): Promise<void> {
  const client_id = clientId();
  line.send({ t: 'send', conversation_id: conversation, message: { client_id, kind: 'public', body, expect_seq: null } });
  await line.frame('ack', (f) => f.client_id === client_id);
}

test('focus goes into the window, Escape brings it back to where it was, and the keyboard is nowhere caught', async () => {
  await fresh();
  const page = await openPage();
  await page.locator('#help').focus();
  const widget = await WidgetOnPage.open(page);
  await until(() => widget.frame.evaluate(() => document.activeElement !== document.body), 'focus is in the window');
  await page.keyboard.press('Escape');
  await until(() => page.evaluate(() => document.activeElement?.id === 'help'), 'focus is back at the button of the page');
  await tell(page, 'open');
  // All the way through with Tab alone, and out at the end.
  let left = false;
  for (let i = 0; i < 40 && !left; i++) {
    await page.keyboard.press('Tab');
    left = await page.evaluate(() => document.activeElement?.tagName !== 'STABLEHAND-WIDGET');
  }
  assert.ok(left, 'Tab leaves the window');
  // A page that closes the window while the person is elsewhere does not pull them.
  await page.locator('#help').focus();
  await tell(page, 'close');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'help');
});

test('news while nobody looks: badge, words, title of the page, the callback, one sound; nothing of it when it is read', async () => {
  await fresh();
  await context.addInitScript(() => {
    const w = globalThis as any;
    w.notes = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (this: OscillatorNode, at?: number) {
      w.notes++;
      start.call(this, at);
    };
  });
  const page = await openPage();
  const widget = await WidgetOnPage.open(page);
  await page.evaluate(() => {
    const w = globalThis as any;
    w.counts = [];
    w.Stablehand('unread', (n: number) => w.counts.push(n));
  });
  await widget.startChat();
  const conversation = await talk(widget, 'is anybody there, manners one?');
  await reply(conversation, 'I look at it now.');
  await widget.sees('I look at it now.');
  const notes = () => widget.frame.evaluate(() => (globalThis as any).notes as number);
  assert.equal(await notes(), 0, 'no sound for what is seen');
  // Said aloud once, and only what others write.
  const spoken = await widget.frame.locator('p[role=status].visually-hidden').innerText();
  assert.equal(spoken, 'Nina: I look at it now.');
  assert.equal(await widget.log.getAttribute('aria-live'), 'off');
  await page.keyboard.press('Escape');
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  });
  await reply(conversation, 'Your **deposit** is there.');
  await until(async () => (await page.title()) === '(1) New message', 'the title says so');
  await until(async () => (await notes()) === 2, 'two notes');
  assert.match(await launcher(page), /Your deposit is there\./);
  await shot(page, 'widget-closed-news');
  await page.evaluate(() => {
    delete (document as any).hidden;
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  });
  assert.equal(await page.title(), 'Exchange');
  await tell(page, 'open');
  await until(async () => JSON.stringify(await page.evaluate(() => (globalThis as any).counts)) === '[0,1,0]', 'the callback counted 0, 1, 0');
  // Muted: no sound.
  await widget.button('Options').click();
  await widget.frame.getByRole('menuitem', { name: 'Turn sound off' }).click();
  await page.keyboard.press('Escape');
  await reply(conversation, 'One more thing.');
  await until(async () => /One more thing/.test(await launcher(page)), 'the bubble');
  assert.equal(await notes(), 2);
});

test('a greeting only when the page asks for it, once, and it can be sent away', async () => {
  await fresh();
  const quiet = await openPage();
  await quiet.waitForTimeout(600);
  assert.doesNotMatch(await launcher(quiet), /Dismiss/);
  const page = await openPage('?data-greeting=Stuck?%20Ask%20us.&data-greeting-after=0.2');
  await until(async () => /Stuck\? Ask us\./.test(await launcher(page)), 'the greeting');
  await shot(page, 'widget-greeting');
  const again = await openPage('?data-greeting=Stuck?%20Ask%20us.&data-greeting-after=0.2');
  await again.waitForTimeout(600);
  assert.doesNotMatch(await launcher(again), /Stuck/);
});

test('a shared computer: who signs out, or just goes away, leaves no conversation to the next person', async () => {
  await fresh();
  const page = await openPage();
  await tell(page, 'identify', identity('u-901', 'Wang Fang'));
  const widget = await WidgetOnPage.open(page);
  await widget.frame.getByText('Signed in as Wang Fang').waitFor();
  await widget.startChat();
  await widget.say('private matter of Wang Fang');
  await widget.log.locator('.bubble:not(.pending)').first().waitFor();
  await widget.box.fill('and half a sentence');
  // No token of a signed customer is written down.
  assert.deepEqual(await widget.frame.evaluate(() => Object.keys(localStorage).filter((k) => k.endsWith('/token'))), []);
  // The page signs in again at each load: the conversation is there.
  await page.reload();
  await tell(page, 'identify', identity('u-901', 'Wang Fang'));
  const back = await WidgetOnPage.open(page);
  await back.startChat();
  await back.sees('private matter of Wang Fang');
  // The session of the exchange ran out, the next person opens the page and is nobody.
  await page.reload();
  const next = await WidgetOnPage.open(page);
  await next.button('Start a chat').click({ timeout: 15_000 });
  assert.equal(await next.log.locator('.bubble').count(), 0);
  assert.equal(await next.box.inputValue(), '');
  // Signing out in one tab, and off to another page in the same moment; an open second tab forgets as well.
  await tell(page, 'identify', identity('u-901', 'Wang Fang'));
  await next.sees('private matter of Wang Fang');
  const second = await openPage();
  await tell(second, 'identify', identity('u-901', 'Wang Fang'));
  const other = await WidgetOnPage.open(second);
  await other.startChat();
  await other.sees('private matter of Wang Fang');
  await page.evaluate((url) => {
    (globalThis as any).Stablehand('logout');
    location.href = url;
  }, `${host.origin}/?page=goodbye`);
  await page.waitForURL(/goodbye/);
  await other.button('Start a chat').waitFor();
  const after = await WidgetOnPage.open(page);
  await after.button('Start a chat').click();
  assert.equal(await after.log.locator('.bubble').count(), 0);
});

test('a browser that keeps nothing: the chat works, and says that it ends with the page', async () => {
  await fresh();
  // As text: what runs in the page must not carry the helpers of the test's compiler.
  await context.addInitScript({
    content: `
      const deny = () => { throw new DOMException('denied', 'SecurityError'); };
      for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get: deny });
      Object.defineProperty(navigator, 'locks', { value: { request: async () => deny() } });
      window.BroadcastChannel = undefined;`,
  });
  const page = await openPage();
  const complaints = complaintsOf(page);
  const widget = await WidgetOnPage.open(page);
  await widget.startChat();
  await widget.frame.getByText('Your browser does not let us keep this chat').waitFor();
  await shot(page, 'widget-storage-blocked');
  await widget.say('works all the same');
  await widget.log.locator('.bubble:not(.pending)', { hasText: 'works all the same' }).waitFor();
  assert.deepEqual(complaints, []);
});

test('files are pasted and dropped; what is dropped beside the chat does not replace it; a phone offers its camera', async () => {
  await fresh();
  const page = await openPage();
  const widget = await WidgetOnPage.open(page);
  const transfer = (name: string) =>
    widget.frame.evaluateHandle((n) => {
      const data = new DataTransfer();
      data.items.add(new File(['txid and amount'], n, { type: 'text/plain' }));
      return data;
    }, name);
  // On the first view a dropped file would open in place of the app.
  const stray = await widget.frame.evaluate((data) => {
    const event = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
    document.querySelector('main')!.dispatchEvent(event);
    return event.defaultPrevented;
  }, await transfer('stray.txt'));
  assert.ok(stray);
  await widget.startChat();
  assert.equal(await widget.button('Take a photo').count(), 0);
  await widget.box.evaluate((box, clipboardData) => void box.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true })), await transfer('pasted.txt'));
  await widget.frame.locator('.context', { hasText: 'pasted.txt' }).waitFor();
  await widget.frame.locator('.chat').dispatchEvent('dragover', { dataTransfer: await transfer('dropped.txt') });
  await widget.frame.getByText('Drop files here').waitFor();
  await widget.frame.locator('.chat').dispatchEvent('drop', { dataTransfer: await transfer('dropped.txt') });
  await widget.frame.locator('.context', { hasText: 'dropped.txt' }).waitFor();
  await widget.button('Send').click();
  await widget.log.getByRole('button', { name: /pasted\.txt/ }).waitFor();
  await widget.log.getByRole('button', { name: /dropped\.txt/ }).waitFor();
  await context.close();
  context = await browser.newContext({ viewport: { width: 390, height: 760 }, hasTouch: true, isMobile: true, locale: 'en-US' });
  const phone = await openPage();
  const onPhone = await WidgetOnPage.open(phone);
  await onPhone.startChat();
  await onPhone.button('Take a photo').waitFor();
  assert.equal(await onPhone.frame.locator('input[capture]').getAttribute('accept'), 'image/*');
  await shot(phone, 'widget-phone-camera');
});

test('a page that reads from right to left has the button on its own side, and Arabic stands as it should', async () => {
  await fresh();
  const page = await openPage('?dir=rtl');
  const widget = await WidgetOnPage.open(page);
  await widget.startChat();
  await widget.say('لم يصل إيداعي بعد');
  // Stored: the row of what is on its way goes when the answer comes.
  await widget.log.locator('.bubble:not(.pending)', { hasText: 'لم يصل إيداعي بعد' }).waitFor();
  assert.equal(await widget.log.locator('.bubble p').last().evaluate((p) => getComputedStyle(p).direction), 'rtl');
  await shot(page, 'widget-rtl');
});

test('the form before the chat: asked, checked, clean for axe; what was told arrives; who is signed in is not asked', async () => {
  const list = await expectStatus<any>(200, desk.owner.get('/api/v1/inboxes'));
  const { id, version, name, allowed_origins, greeting, accent, bot_enabled } = list.items[0];
  const prechat = {
    name: 'optional',
    email: 'required',
    topics: [
      { topic: 'deposit', label: { en: 'Deposits and withdrawals', 'zh-CN': '充值与提现' } },
      { topic: 'account', label: { en: 'My account', 'zh-CN': '账户问题' } },
    ],
  };
  await expectStatus(200, desk.owner.put(`/api/v1/inboxes/${id}`, { name, allowed_origins, greeting, accent, bot_enabled, prechat }, { 'if-match': `"v${version}"` }));
  await fresh({ width: 420, height: 720 });
  const page = await openPage();
  const widget = await WidgetOnPage.open(page);
  await widget.button('Start a chat').click();
  await widget.frame.getByText('What is it about?').waitFor();
  assert.deepEqual(await axe(widget.frame), []);
  await shot(page, 'widget-prechat');
  await widget.button('Start a chat').click();
  await widget.frame.getByText('Please choose one.').waitFor();
  await widget.frame.getByText('Please fill this in.').waitFor();
  await widget.frame.getByLabel('My account').check();
  await widget.frame.getByLabel('E-mail').fill('not an address');
  await widget.button('Start a chat').click();
  await widget.frame.getByText('This does not look like an e-mail address.').waitFor();
  assert.deepEqual(await axe(widget.frame), []);
  await shot(page, 'widget-prechat-wrong');
  await widget.frame.getByLabel('E-mail').fill('lin@example.com');
  await widget.frame.getByLabel('Your name').fill('Lin');
  await widget.button('Start a chat').click();
  await widget.box.waitFor();
  await widget.say('about my account, please');
  await widget.log.locator('.bubble:not(.pending)').first().waitFor();
  const all = await expectStatus<any>(200, desk.owner.get('/api/v1/conversations?view=all&limit=100'));
  const c = all.items.find((x: any) => x.last_message.preview.includes('about my account'));
  assert.deepEqual([c.topic, c.customer.name, c.customer.email], ['account', 'Lin', 'lin@example.com']);
  // Not asked twice, and not at all when the exchange says who it is.
  await page.reload();
  const again = await WidgetOnPage.open(page);
  await again.startChat();
  await again.sees('about my account, please');
  await context.close();
  await fresh();
  const signed = await openPage();
  await tell(signed, 'identify', identity('u-77', 'Lin Wei'));
  const known = await WidgetOnPage.open(signed);
  await known.frame.getByText('Signed in as Lin Wei').waitFor();
  await known.startChat();
  assert.equal(await known.frame.getByText('What is it about?').count(), 0);
});
