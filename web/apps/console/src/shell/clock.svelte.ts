import { createSubscriber } from 'svelte/reactivity';

function every(ms: number): () => void {
  return createSubscriber((update) => {
    const timer = setInterval(update, ms);
    document.addEventListener('visibilitychange', update);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', update);
    };
  });
}

/** The time as the page shows it, corrected by the server's. `minute` is for ages, `second` for countdowns: whatever reads them is drawn again, and the
 * timers run only while something does. */
class Clock {
  private offset = 0;
  private readonly onSecond = every(1000);
  private readonly onMinute = every(20_000);

  now(): number {
    return Date.now() + this.offset;
  }

  /** What the server's clock says now. */
  sync(serverNow: string): void {
    const at = Date.parse(serverNow);
    if (Number.isFinite(at)) this.offset = at - Date.now();
  }

  get second(): number {
    this.onSecond();
    return this.now();
  }

  get minute(): number {
    this.onMinute();
    return this.now();
  }
}

export const clock = new Clock();
