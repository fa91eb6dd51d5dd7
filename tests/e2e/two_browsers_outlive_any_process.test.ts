/** A customer and an agent talk through HAProxy of `scripts/cluster` while whatever carries them is killed: at most a pause, nothing twice. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import type { Browser } from 'playwright-core';

import { OneBox } from '../integration/one_box.js';
import { launch, newContext } from './browser.js';
import { ConsoleOnPage } from './console.js';
import { WidgetOnPage } from './widget.js';

/* Generous: everything is on one busy box here. Patroni replaces a leader that was silent for ten seconds. */
const PAUSE_MS = 60_000;

let box: OneBox;
let browser: Browser;
before(async () => {
  box = await OneBox.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await box?.dispose();
});

test('a killed node, a killed leader of the database and no NATS at all are at most a pause', async (t) => {
  const page = await (await newContext(browser, { locale: 'en-US' })).newPage();
  const desk = await ConsoleOnPage.signIn(browser, box.url, { email: 'tom@demo.example', password: 'stablehand demo' }, { locale: 'en-US' }, [/./]);
  await desk.available();
  await page.goto(`${box.url}/demo/`);
  const widget = await WidgetOnPage.open(page);
  await widget.startChat();
  await widget.say('human please');
  await desk.offer.getByRole('button', { name: /Accept/ }).click({ timeout: PAUSE_MS });
  await desk.box.waitFor();

  let n = 0;
  const talk = async (what: string): Promise<void> => {
    n += 1;
    const began = Date.now();
    await widget.say(`customer says ${n}.`);
    await desk.log.getByText(`customer says ${n}.`).last().waitFor({ timeout: PAUSE_MS });
    const heard = Date.now();
    await desk.box.fill(`agent says ${n}.`);
    await desk.box.press('Enter');
    await widget.log.getByText(`agent says ${n}.`).last().waitFor({ timeout: PAUSE_MS });
    t.diagnostic(`${what}: ${heard - began} ms to the agent, ${Date.now() - heard} ms back`);
  };
  await talk('nobody was killed');
  for (const node of ['node1', 'node2', 'node3']) {
    box.order('kill', node);
    await talk(`${node} was killed`);
    box.order('start', node);
    await box.until(`${node} again`, 60, () => box.allReady());
  }
  box.order('kill', 'leader');
  await talk('the leader of the database was killed');
  for (const nats of ['nats1', 'nats2', 'nats3']) box.order('kill', nats);
  await talk('all of NATS was killed');
  for (let i = 1; i <= n; i++) {
    for (const text of [`customer says ${i}.`, `agent says ${i}.`]) {
      assert.equal(await widget.count(text), 1, `${text} at the customer's`);
      assert.equal(await desk.log.getByText(text).count(), 1, `${text} at the agent's`);
    }
  }
});
