/** A question that the bot could not answer: it stands in the list, an article is written from it with the question as its first phrasing, and then the bot knows. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import type { Browser } from 'playwright-core';

import { AgentClient, Visitor } from '../integration/desk.js';
import { expectStatus } from '../integration/http.js';
import { Server } from '../integration/server.js';
import { axe, journey, launch } from './browser.js';
import { ConsoleOnPage } from './console.js';

const OWNER = { email: 'owner@demo.example', password: 'stablehand demo' };
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
    tag: 'en',
    locale: 'en-US',
    said: 'Do you sponsor\n  football clubs?',
    phrasing: 'Do you sponsor football clubs?',
    list: 'Not answered',
    write: 'Write an article from this',
    create: 'Create',
    title: 'Title',
    asked: /^How customers ask/,
    answer: /^What the bot says/,
    body: /^Article \(Markdown\)/,
    done: 'Published.',
    save: 'Save draft',
    publish: 'Publish',
    language: 'English',
  },
  {
    tag: 'zh',
    locale: 'zh-CN',
    said: '紫色的\n长颈鹿唱歌剧',
    phrasing: '紫色的 长颈鹿唱歌剧',
    list: '未能回答',
    write: '据此撰写文章',
    create: '创建',
    title: '标题',
    asked: /^客户的问法/,
    answer: /^机器人的答复/,
    body: /^正文/,
    done: '已发布。',
    save: '保存草稿',
    publish: '发布',
    language: '简体中文',
  },
];

for (const j of journeys) {
  test(`${j.tag}: the question is listed, becomes an article, and is answered`, () => journey(browser, `missed-${j.tag}`, () => write(j)));
}

async function write(j: (typeof journeys)[number]): Promise<void> {
  const owner = new AgentClient(server.url);
  await owner.signIn(OWNER.email, OWNER.password);
  const inboxes = await expectStatus<any>(200, owner.get('/api/v1/inboxes'));
  const visitor = await Visitor.open(server, inboxes.items[0].key, { locale: j.locale });
  const { conversation_id } = await visitor.say(j.said);

  const desk = await ConsoleOnPage.signIn(browser, server.url, OWNER, { locale: j.locale });
  const { page } = desk;
  const item = page.getByRole('list', { name: j.list }).getByRole('listitem').filter({ hasText: j.said.split('\n')[0]! });
  for (let i = 0; i < 40 && (await item.count()) === 0; i++) {
    await page.goto(`${server.url}/console/bot/misses`);
    await desk.settled();
  }
  assert.match((await item.getByRole('link').getAttribute('href'))!, new RegExp(`/inbox/all/${conversation_id}$`));
  await item.getByRole('button', { name: j.write }).click();

  const dialog = page.getByRole('dialog');
  await dialog.getByText(j.phrasing).waitFor();
  assert.deepEqual(await axe(page), []);
  assert.ok(!page.url().includes('?'), 'the words of the customer are not in the address');
  await dialog.locator('input').first().fill(`sponsor-${j.tag}`);
  await dialog.getByRole('button', { name: j.create }).click();
  await dialog.waitFor({ state: 'detached' });

  await page.getByRole('tab', { name: j.language, selected: true }).waitFor();
  assert.equal(await page.getByLabel(j.asked).inputValue(), j.phrasing);
  await page.getByLabel(j.title, { exact: true }).fill(`Clubs ${j.tag}`);
  await page.getByLabel(j.answer).fill(`We do not sponsor clubs (${j.tag}).`);
  await page.getByRole('textbox', { name: j.body }).fill(`# Clubs\n\nNone (${j.tag}).`);
  await desk.button(j.save).click();
  await desk.button(new RegExp(`^${j.publish}$`)).click();
  await page.getByRole('dialog').getByRole('button', { name: j.publish }).click();
  await page.getByText(j.done).waitFor();
  assert.equal(await learnt(owner, j.phrasing), `sponsor-${j.tag}`);
  assert.deepEqual(desk.complaints, []);
  await desk.close();
}

/** The article that the bot answers this with; what is published reaches it a moment later. */
async function learnt(owner: AgentClient, text: string): Promise<string | undefined> {
  for (let i = 0; i < 100; i++) {
    const decision = await expectStatus<any>(200, owner.post('/api/v1/bot/tests', { text }));
    if (decision.source) return decision.source.slug;
    await new Promise((r) => setTimeout(r, 50));
  }
  return undefined;
}
