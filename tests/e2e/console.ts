/** The agent's side of a journey: the console in a tab. What is pressed and read here is what a person would press and read, in either language. */
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';

import { complaintsOf, newContext, type Look } from './browser.js';

const AGENT_LOOK: Look = { width: 1440, height: 900 };

/** Sign-in needs a session cookie only; the rest of the console's state is the server's. */
export class ConsoleOnPage {
  private constructor(
    readonly page: Page,
    readonly url: string,
    readonly complaints: string[],
  ) {}

  /** A new tab at `path`. `expected`: complaints of the page that the journey itself provokes. */
  static async at(context: BrowserContext, url: string, path = '/console/', expected: RegExp[] = []): Promise<ConsoleOnPage> {
    const page = await context.newPage();
    const complaints = complaintsOf(page, expected);
    await page.goto(url + path);
    return new ConsoleOnPage(page, url, complaints);
  }

  /** A browser of its own, signed in by the form, at the inbox. */
  static async signIn(
    browser: Browser,
    url: string,
    who: { email: string; password: string },
    look: Look = {},
    expected: RegExp[] = [],
  ): Promise<ConsoleOnPage> {
    const context = await newContext(browser, { ...AGENT_LOOK, ...look });
    // Before anybody is signed in the browser says 401, as it should.
    const desk = await ConsoleOnPage.at(context, url, '/console/', [/status of 401/, ...expected]);
    await desk.fillSignIn(who);
    await desk.ready();
    return desk;
  }

  async fillSignIn(who: { email: string; password: string }): Promise<void> {
    await this.page.locator('input[name=email]').fill(who.email);
    await this.page.locator('input[name=password]').fill(who.password);
    await this.page.keyboard.press('Enter');
  }

  /** The inbox stands there and the line is live. */
  async ready(): Promise<void> {
    await this.page.locator('#content').waitFor();
    await this.live();
  }

  live(): Promise<void> {
    return this.page.getByRole('button', { name: /^(Connected|已连接)$/ }).waitFor();
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name });
  }
  get box(): Locator {
    return this.page.locator('.composer textarea');
  }
  get log(): Locator {
    return this.page.getByRole('log');
  }
  get list(): Locator {
    return this.page.getByRole('list', { name: /^(Conversations|会话列表)$/ });
  }
  row(text: string | RegExp): Locator {
    return this.list.locator('a', { hasText: text });
  }
  get offer(): Locator {
    return this.page.locator('section.offer');
  }

  async setPresence(label: RegExp): Promise<void> {
    await this.page.locator('.person').click();
    await this.page.getByRole('menuitemradio', { name: label }).or(this.page.getByRole('menuitem', { name: label })).first().click();
  }
  available(): Promise<void> {
    return this.setPresence(/^(Available|在线|可接待|接待中)/);
  }

  async signOut(): Promise<void> {
    const item = this.page.getByRole('menuitem', { name: /^(Sign out|退出登录)$/ });
    const password = this.page.locator('input[name=password]');
    // Right after a page has loaded a click can meet a menu that is just being drawn again: as a person does, press once more.
    for (let last = Date.now() + 15_000; Date.now() < last && !(await password.isVisible()); ) {
      if (!(await item.isVisible())) await this.page.locator('.person').click({ timeout: 3000 }).catch(() => undefined);
      await item.click({ timeout: 3000 }).catch(() => undefined);
      await password.waitFor({ timeout: 4000 }).catch(() => undefined);
    }
    await password.waitFor();
  }

  /** The offer that lies on the desk is taken; the conversation opens. */
  async accept(preview?: string | RegExp): Promise<void> {
    const dialog = preview ? this.offer.filter({ hasText: preview }) : this.offer;
    const before = this.page.url();
    await dialog.getByRole('button', { name: /^(Accept|接受)$/ }).click();
    await this.page.waitForURL((url) => url.href !== before);
    await this.box.waitFor();
  }

  /** An entry of the list under a sign (`/`, `@`, `??`). */
  option(name: string | RegExp): Locator {
    return this.page.getByRole('listbox').getByRole('option', { name }).first();
  }

  async boxHolds(text: RegExp): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (!text.test(await this.box.inputValue())) {
      if (Date.now() > deadline) throw new Error(`the composer holds ${JSON.stringify(await this.box.inputValue())}, not ${text}`);
      await this.page.waitForTimeout(50);
    }
  }

  /** The badge beside the name that says what state the open conversation is in. */
  state(name: RegExp): Locator {
    return this.page.locator('.conversation header .state', { hasText: name });
  }

  openId(): string {
    return /\/inbox\/\w+\/(\d+)/.exec(this.page.url())?.[1] ?? '';
  }

  async attach(file: { name: string; mimeType: string; buffer: Buffer }): Promise<void> {
    await this.page.locator('.composer input[type=file]').setInputFiles(file);
    await this.page.locator('.composer').getByText(file.name).waitFor();
    await this.page.locator('.composer progress').waitFor({ state: 'detached' });
  }

  /** What the person could do in another program with the same session. */
  async act(method: string, path: string, body: unknown): Promise<void> {
    const status = await this.page.evaluate(
      async ([m, p, b]) => {
        const me = (await (await fetch('/api/v1/session')).json()) as { csrf_token: string };
        const answer = await fetch(p!, { method: m!, body: b!, headers: { 'content-type': 'application/json', 'x-csrf-token': me.csrf_token } });
        return answer.status;
      },
      [method, path, JSON.stringify(body)] as const,
    );
    if (status >= 400) throw new Error(`${method} ${path}: ${status}`);
  }

  async say(text: string): Promise<void> {
    await this.box.fill(text);
    await this.box.press('Enter');
  }

  async sees(text: string | RegExp): Promise<void> {
    await this.log.getByText(text).last().waitFor();
  }

  /** How many bubbles hold this text. */
  count(text: string | RegExp): Promise<number> {
    return this.log.locator('.bubble').filter({ hasText: text }).count();
  }

  /** The page has said all it has to say: a heading, nothing that loads any more, no request under way. */
  async settled(): Promise<void> {
    await this.page.locator('h1').first().waitFor();
    await this.page.waitForLoadState('networkidle');
    await this.page.locator('[aria-busy=true]').waitFor({ state: 'detached' });
  }

  /** Whether the page was loaded again since: then it has forgotten the mark. */
  async mark(): Promise<() => Promise<boolean>> {
    await this.page.evaluate(() => ((globalThis as unknown as { untouched: boolean }).untouched = true));
    return () => this.page.evaluate(() => (globalThis as unknown as { untouched?: boolean }).untouched === true);
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
