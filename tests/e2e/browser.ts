/** The distribution's Chromium, driven by playwright-core: contexts in a language, a width and a theme; complaints of the page collected; screenshots under
 * build/screens, for people to look at. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium, type Browser, type BrowserContext, type Frame, type Page } from 'playwright-core';

const root = fileURLToPath(new URL('../../', import.meta.url));
const screens = process.env.SCREENS_DIR ?? join(root, 'build', 'screens');
const executablePath = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => existsSync(p)) ?? '/usr/bin/chromium';
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    headless: true,
    args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  });
}

export interface Look {
  locale?: string;
  width?: number;
  height?: number;
  dark?: boolean;
  baseURL?: string;
}

export async function newContext(browser: Browser, look: Look = {}): Promise<BrowserContext> {
  const context = await browser.newContext({
    locale: look.locale ?? 'en-US',
    viewport: { width: look.width ?? 1280, height: look.height ?? 800 },
    colorScheme: look.dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    timezoneId: 'Europe/Berlin',
    ...(look.baseURL !== undefined && { baseURL: look.baseURL }),
  });
  context.setDefaultTimeout(15_000);
  return context;
}

/** Everything that a clean page does not do: errors, failed requests, violations of its policy. What a test provokes itself it names in `expected`. */
export function complaintsOf(page: Page, expected: RegExp[] = []): string[] {
  const complaints: string[] = [];
  const note = (text: string) => {
    if (!expected.some((e) => e.test(text))) complaints.push(text);
  };
  page.on('pageerror', (e) => note(`error: ${e.message}`));
  page.on('console', (m) => {
    if (m.type() === 'error' || /Content Security Policy/i.test(m.text())) note(`console: ${m.text()}`);
  });
  return complaints;
}

/** Runs a journey and ends every browser context that it has opened; of one that failed a picture of each page is kept. */
export async function journey(browser: Browser, name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (e) {
    const pages = browser.contexts().flatMap((c) => c.pages());
    for (const [i, page] of pages.entries()) await shot(page, `failed-${name}-${i}`).catch(() => undefined);
    throw e;
  } finally {
    for (const context of browser.contexts()) await context.close();
  }
}

export async function shot(page: Page, name: string): Promise<void> {
  mkdirSync(screens, { recursive: true });
  await page.screenshot({ path: join(screens, `${name}.png`) });
}

interface AxeResult {
  violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[];
}

/** What axe finds in a page or a frame, as lines to read; empty when it is clean. */
export async function axe(where: Page | Frame): Promise<string[]> {
  // Through the protocol, not a script element: the pages' own policy forbids those.
  await where.evaluate(axeSource);
  const result = await where.evaluate(async () => (await (globalThis as unknown as { axe: { run: () => Promise<unknown> } }).axe.run()) as AxeResult);
  return result.violations.map((v) => `${v.id}: ${v.help}\n${v.nodes.slice(0, 4).map((n) => `    ${n.html.slice(0, 160)}\n    ${n.failureSummary.replaceAll('\n', ' ').slice(0, 200)}`).join('\n')}`);
}

/** The sum of layout shifts since the page began. */
export async function watchShifts(page: Page): Promise<() => Promise<number>> {
  await page.addInitScript(() => {
    const w = globalThis as unknown as { shifts: number };
    w.shifts = 0;
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) w.shifts += (e as unknown as { value: number }).value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  return () => page.evaluate(() => (globalThis as unknown as { shifts: number }).shifts);
}
