/** What the widget keeps in the browser: its token, its unsent messages, a draft. Browsers may forbid storage in frames; then memory must do. */

export interface Keep {
  /** False: this browser keeps nothing for us; what is here ends with the page. */
  readonly isLasting: boolean;
  get(key: string): string | null;
  set(key: string, value: string | null): void;
  /** Keys that begin so, of all tabs. */
  keys(prefix: string): string[];
}

export function makeKeep(inbox: string, storage: Storage | null): Keep {
  const memory = new Map<string, string>();
  const root = `stablehand/${inbox}/`;
  return {
    isLasting: lasts(storage),
    get(key) {
      try {
        return storage?.getItem(root + key) ?? memory.get(key) ?? null;
      } catch {
        return memory.get(key) ?? null;
      }
    },
    set(key, value) {
      if (value === null) memory.delete(key);
      else memory.set(key, value);
      try {
        if (value === null) storage?.removeItem(root + key);
        else storage?.setItem(root + key, value);
      } catch {
        // Full or forbidden: memory has it.
      }
    },
    keys(prefix) {
      const all = new Set(memory.keys());
      try {
        for (let i = 0; i < (storage?.length ?? 0); i++) {
          const name = storage!.key(i)!;
          if (name.startsWith(root)) all.add(name.slice(root.length));
        }
      } catch {
        // Forbidden: memory has what there is.
      }
      return [...all].filter((key) => key.startsWith(prefix));
    },
  };
}

function lasts(storage: Storage | null): boolean {
  try {
    storage?.setItem('stablehand/probe', '1');
    storage?.removeItem('stablehand/probe');
    return storage !== null;
  } catch {
    return false;
  }
}

/** Calls back when another tab changed `key` of this inbox. */
export function onKept(inbox: string, key: string, changed: (value: string | null) => void): void {
  window.addEventListener('storage', (event) => {
    if (event.key === `stablehand/${inbox}/${key}`) changed(event.newValue);
  });
}

export function browserStorage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
