/** Several tabs of one browser. One of them leads: it makes sounds and desktop notifications, so that they come once. */

const KEY = 'stablehand.tab';

function ownId(): string {
  const kept = sessionStorage.getItem(KEY);
  if (kept) return kept;
  const made = Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(36))
    .join('')
    .slice(0, 20);
  sessionStorage.setItem(KEY, made);
  return made;
}

/** Survives a reload of the tab, differs between tabs. */
export const tabId = ownId();

class Tabs {
  /** Without Web Locks (plain http) each tab leads: a doubled sound is better than none. */
  leads = $state(!('locks' in navigator));

  start(): void {
    if (!('locks' in navigator)) return;
    // The lock is held for the life of the tab; when it dies the browser hands it to the next.
    void navigator.locks.request('stablehand.leader', () => {
      this.leads = true;
      return new Promise<never>(() => undefined);
    });
    void navigator.locks.request(lockOf(tabId), () => new Promise<never>(() => undefined));
  }

  /** Ids of the tabs that live, or null when the browser does not tell. */
  async living(): Promise<Set<string> | null> {
    if (!('locks' in navigator)) return null;
    const { held = [] } = await navigator.locks.query();
    return new Set(
      held
        .map((l) => l.name ?? '')
        .filter((n) => n.startsWith(LOCK))
        .map((n) => n.slice(LOCK.length)),
    );
  }
}

const LOCK = 'stablehand.tab.';
const lockOf = (id: string) => LOCK + id;

export const tabs = new Tabs();
