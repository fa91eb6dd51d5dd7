// `npm run speed`: how long a conversation of 1,000 messages takes to open (click to painted), and what a list of 10,000 costs per frame while it scrolls.
// Prints one line of JSON with the limits beside the figures; exit 1 when something is over.
import { launch, open, ORIGIN } from './browser.mjs';

const ROUNDS = 9;
const limits = { open_1000_ms: 100, scroll_frame_p95_ms: 34 };
const median = (all) => [...all].sort((a, b) => a - b)[all.length >> 1];

/** From the press of J to the second frame after the newest message is in the page. */
async function opening(page) {
  const times = [];
  for (let i = 0; i < ROUNDS; i++) {
    await page.evaluate(() => history.pushState(null, '', '/console/inbox/all/2'));
    await page.evaluate(() => dispatchEvent(new PopStateEvent('popstate')));
    await page.waitForTimeout(250);
    times.push(
      await page.evaluate(async () => {
        const start = performance.now();
        history.pushState(null, '', '/console/inbox/all/3');
        dispatchEvent(new PopStateEvent('popstate'));
        const isThere = () => document.querySelector('[role=log]')?.textContent.includes('1200');
        while (!isThere() && performance.now() - start < 3000) await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        return performance.now() - start;
      }),
    );
  }
  return times;
}

async function loadAllOlder(page) {
  for (let i = 0; i < 14; i++) {
    await page.evaluate(() => (document.querySelector('[role=log]').scrollTop = 0));
    await page.waitForTimeout(120);
  }
}

async function scrolling(page) {
  return page.evaluate(async () => {
    const list = document.querySelector('.scroller:has([role=list])');
    // All pages first, as somebody would who holds the end key.
    let last = -1;
    while (list.scrollHeight !== last) {
      last = list.scrollHeight;
      list.scrollTop = list.scrollHeight;
      await new Promise((done) => setTimeout(done, 60));
    }
    const frames = [];
    let before = performance.now();
    for (let y = 0; y < 90_000; y += 450) {
      list.scrollTop = y;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - before);
      before = now;
    }
    frames.sort((a, b) => a - b);
    return {
      rows: Math.round(list.scrollHeight / 84),
      drawn: list.querySelectorAll('[role=listitem]').length,
      p95: frames[Math.floor(frames.length * 0.95)],
    };
  });
}

const browser = await launch();
const context = await browser.context({ viewport: { width: 1440, height: 900 } });
const { page } = await open(context, { conversations: 12_000 });
await page.goto(`${ORIGIN}/console/inbox/all/3`);
await page.waitForTimeout(1000);
const cold = await opening(page);
await loadAllOlder(page);
const held = await opening(page);
const list = await scrolling(page);
const figures = {
  open_1000_ms: Math.round(Math.max(median(cold), median(held))),
  scroll_frame_p95_ms: Math.round(list.p95),
};
console.log(JSON.stringify({ figures, limits, list, cold: median(cold), held: median(held) }));
await context.close();
browser.done();
process.exit(Object.entries(limits).some(([name, limit]) => figures[name] > limit) ? 1 : 0);
