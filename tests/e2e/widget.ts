/** The customer's side of a journey: the widget inside a page. */
import type { Frame, Locator, Page } from 'playwright-core';

export class WidgetOnPage {
  private constructor(
    readonly page: Page,
    readonly frame: Frame,
  ) {}

  /** Presses the button on the page and waits for the app. */
  static async open(page: Page): Promise<WidgetOnPage> {
    await page.locator('stablehand-widget').waitFor({ state: 'attached' });
    // The loader's shadow root is closed, as it should be: the page's own command opens it.
    await page.evaluate(() => (globalThis as unknown as { Stablehand: (c: string) => void }).Stablehand('open'));
    return WidgetOnPage.find(page);
  }

  static async find(page: Page): Promise<WidgetOnPage> {
    for (let i = 0; i < 150; i++) {
      const frame = page.frames().find((f) => f.url().includes('/widget/frame'));
      if (frame) {
        await frame.locator('h1').waitFor();
        return new WidgetOnPage(page, frame);
      }
      await page.waitForTimeout(100);
    }
    throw new Error('no widget frame');
  }

  button(name: string | RegExp): Locator {
    return this.frame.getByRole('button', { name });
  }
  get box(): Locator {
    return this.frame.locator('textarea').last();
  }
  get log(): Locator {
    return this.frame.getByRole('log');
  }

  async startChat(): Promise<void> {
    await this.button(/Start a chat|开始对话|Continue your chat|继续对话/).click();
    await this.box.waitFor();
  }

  async say(text: string): Promise<void> {
    await this.box.fill(text);
    await this.box.press('Enter');
  }

  /** Until a message with this text stands in the log. */
  async sees(text: string | RegExp): Promise<void> {
    await this.log.getByText(text).last().waitFor();
  }

  /** How many messages with exactly this body there are. */
  count(text: string): Promise<number> {
    return this.log.locator('.bubble').filter({ hasText: text }).count();
  }
}
