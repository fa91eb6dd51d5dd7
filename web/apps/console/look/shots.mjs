// `npm run look [-- name ...]`: pictures of every page in both languages, both themes, desktop and phone, into the folder of $OUT (a temporary one without),
// and what axe and the browser's console found. Looks at what `npm run build` has made.
import { createRequire } from 'node:module';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, open, ORIGIN, eventOf, push } from './browser.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const out = process.env.OUT ?? mkdtempSync(join(tmpdir(), 'look-shots-'));
mkdirSync(out, { recursive: true });

const sections = [
  'profile',
  'security',
  'workspace',
  'inboxes',
  'agents',
  'roles',
  'teams',
  'canned',
  'keys',
];
const pages = [
  { name: 'inbox', path: '/console/inbox/mine/2' },
  { name: 'inbox-empty', path: '/console/inbox/mine' },
  { name: 'bot-conversation', path: '/console/inbox/bot/6' },
  { name: 'long', path: '/console/inbox/all/3' },
  { name: 'search', path: '/console/search?q=USDT' },
  { name: 'live', path: '/console/live' },
  { name: 'knowledge', path: '/console/knowledge/1' },
  {
    name: 'bot',
    path: '/console/bot',
    act: async (page) => {
      await page.locator('form input:not([type=checkbox])').last().fill('deposit missing');
      await page.keyboard.press('Enter');
    },
  },
  { name: 'bot-misses', path: '/console/bot/misses' },
  {
    name: 'article-from-miss',
    path: '/console/bot/misses',
    act: async (page) => {
      await page.locator('.acts button').first().click();
      await page.locator('dialog blockquote').waitFor();
    },
  },
  ...sections.map((s) => ({ name: `settings-${s}`, path: `/console/settings/${s}` })),
  { name: 'signin', path: '/console/', desk: { signedOut: true } },
  { name: 'setup', path: '/console/', desk: { setup: true } },
  { name: 'join', path: '/console/join#abc', desk: { signedOut: true } },
  { name: 'unknown', path: '/console/nothing' },
  { name: 'commands', path: '/console/inbox/mine/2', act: (page) => page.keyboard.press('Control+k') },
  { name: 'shortcuts', path: '/console/inbox/mine/2', act: (page) => page.keyboard.press('?') },
  {
    name: 'canned',
    path: '/console/inbox/mine/2',
    act: async (page) => {
      await page.locator('textarea').first().fill('');
      await page.locator('textarea').first().pressSequentially('/');
    },
  },
  { name: 'stale', path: '/console/inbox/mine/2', act: stale },
  { name: 'offer', path: '/console/inbox/mine/2', act: offer },
  { name: 'menu', path: '/console/inbox/mine', act: (page) => page.locator('.person').click() },
  {
    name: 'invite',
    path: '/console/settings/agents',
    act: (page) => page.locator('header .primary').click(),
  },
];

async function stale(page, { desk, socket }) {
  const area = page.locator('textarea').first();
  await area.fill('We are on it');
  const arrived = push(desk, '2', {
    author: { kind: 'customer', id: '2', name: '王小明' },
    body: 'Wait, I found the hash!',
  });
  socket.send(eventOf(desk, arrived));
  await page.waitForTimeout(200);
  await area.press('Enter');
}

async function offer(page, { desk, socket }) {
  const head = desk.heads[3];
  socket.send({
    t: 'offer',
    offer: {
      id: '7',
      conversation_id: head.id,
      customer_name: head.customer.name,
      preview: head.last_message.preview,
      priority: 'urgent',
      language: head.language,
      waiting_since: head.updated_at,
      expires_at: new Date(Date.now() + 28_000).toISOString(),
    },
  });
}

const combos = [
  { tag: 'en-light', language: 'en', theme: 'light', viewport: { width: 1440, height: 900 } },
  { tag: 'zh-dark', language: 'zh-CN', theme: 'dark', viewport: { width: 1440, height: 900 } },
  {
    tag: 'zh-light-phone',
    language: 'zh-CN',
    theme: 'light',
    viewport: { width: 390, height: 844 },
    phone: true,
  },
  { tag: 'en-dark-phone', language: 'en', theme: 'dark', viewport: { width: 320, height: 640 }, phone: true },
  { tag: 'en-light-tablet', language: 'en', theme: 'light', viewport: { width: 1100, height: 800 } },
];

const wanted = process.argv.slice(2);
const tags = (process.env.TAGS ?? '').split(',').filter(Boolean);
const browser = await launch();
let bad = 0;
for (const combo of combos.filter((c) => tags.length === 0 || tags.includes(c.tag))) {
  const context = await browser.context({
    viewport: combo.viewport,
    hasTouch: combo.phone ?? false,
    locale: combo.language,
    colorScheme: combo.theme,
  });
  for (const spec of pages.filter((p) => wanted.length === 0 || wanted.includes(p.name))) {
    const opened = await open(context, { language: combo.language, theme: combo.theme, desk: spec.desk });
    const { page, problems } = opened;
    await page.goto(ORIGIN + spec.path);
    await page.waitForTimeout(600);
    await Promise.resolve(spec.act?.(page, opened)).catch((e) =>
      problems.push(`act: ${e.message.split('\n')[0]}`),
    );
    await page.waitForTimeout(400);
    await page.screenshot({ path: join(out, `${spec.name}.${combo.tag}.png`) });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) problems.push(`${wide} px too wide`);
    // By the inspector, not by a script of the page: the policy stays in force.
    await page.evaluate((await import('node:fs')).readFileSync(axe, 'utf8'));
    const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    for (const v of found.violations)
      problems.push(
        `axe ${v.id}: ${v.nodes
          .map((n) => n.target.join(' '))
          .slice(0, 3)
          .join(' | ')}`,
      );
    if (problems.length > 0) {
      bad += problems.length;
      console.log(`${spec.name} ${combo.tag}\n  ${[...new Set(problems)].slice(0, 8).join('\n  ')}`);
    }
    await page.close();
  }
  await context.close();
}
browser.done();
console.log(`${out}: ${bad} problems`);
process.exit(bad ? 1 : 0);
