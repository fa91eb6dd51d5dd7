/** The form before the chat, set up in the console: what is wrong is named beside its field, what is right reaches the visitor. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import type { Browser } from 'playwright-core';

import { AgentClient } from '../integration/desk.js';
import { expectStatus } from '../integration/http.js';
import { Server } from '../integration/server.js';
import { axe, journey, launch, shot } from './browser.js';
import { ConsoleOnPage } from './console.js';

const OWNER = { email: 'owner@demo.example', password: 'stablehand demo' };
let server: Server;
let browser: Browser;
let owner: AgentClient;

before(async () => {
  server = await Server.start({ demo: true });
  browser = await launch();
  owner = new AgentClient(server.url);
  await owner.signIn(OWNER.email, OWNER.password);
});
after(async () => {
  await browser?.close();
  await server?.dispose();
});

const stored = async () => (await expectStatus<any>(200, owner.get('/api/v1/inboxes'))).items[0].prechat;

test('asked, checked field by field, stored, and there again', () =>
  journey(browser, 'prechat-en', async () => {
    const desk = await ConsoleOnPage.signIn(browser, server.url, OWNER, { width: 1280, height: 900 });
    const { page } = desk;
    await page.goto(`${server.url}/console/settings/inboxes`);
    await desk.button(/^Edit/).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Ask for the name').selectOption('optional');
    await dialog.getByLabel('Ask for the e-mail address').selectOption('required');
    await dialog.getByRole('button', { name: 'Add a topic' }).click();
    await page.keyboard.type('Card Payments');
    await page.keyboard.press('Tab');
    await page.keyboard.type('Card payments');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('Topic 1: the word takes only a-z, 0-9, - and _.').waitFor();
    await dialog.getByText('Topic 1: the Chinese label is missing.').waitFor();
    assert.equal(await page.evaluate(() => (document.activeElement as HTMLInputElement).value), 'Card Payments');
    await shot(page, 'prechat-form-wrong-en');
    assert.deepEqual(await axe(page), []);
    await page.keyboard.press('Control+a');
    await page.keyboard.type('card');
    await dialog.getByLabel('Label, Chinese').fill('银行卡');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    const want = { name: 'optional', email: 'required', topics: [{ topic: 'card', label: { en: 'Card payments', 'zh-CN': '银行卡' } }] };
    assert.deepEqual(await stored(), want);
    assert.deepEqual(desk.complaints, []);
  }));

test('中文，手机: shown as it is stored; a topic is taken away', () =>
  journey(browser, 'prechat-zh', async () => {
    const desk = await ConsoleOnPage.signIn(browser, server.url, OWNER, { locale: 'zh-CN', width: 390, height: 844 });
    const { page } = desk;
    await page.goto(`${server.url}/console/settings/inboxes`);
    await desk.button(/^编辑/).first().click();
    const dialog = page.getByRole('dialog');
    assert.equal(await dialog.getByLabel('英文名称').inputValue(), 'Card payments');
    await dialog.getByRole('button', { name: '添加主题' }).scrollIntoViewIfNeeded();
    await shot(page, 'prechat-form-zh-phone');
    assert.deepEqual(await axe(page), []);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
    await dialog.getByRole('button', { name: '移除主题 1' }).click();
    await dialog.getByRole('button', { name: '保存' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.deepEqual((await stored()).topics, []);
  }));
