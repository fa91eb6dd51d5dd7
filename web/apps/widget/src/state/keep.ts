/** What the widget keeps in the browser: its token, its unsent messages, a draft. Browsers may forbid storage in frames; then memory must do. */

const memory = new Map<string, string>();

export interface Keep {
  get(key: string): string | null;
  set(key: string, value: string | null): void;
}

export function makeKeep(inbox: string, storage: Storage | null): Keep {
  const name = (key: string) => `stablehand/${inbox}/${key}`;
  return {
    get(key) {
      try {
        return storage?.getItem(name(key)) ?? memory.get(name(key)) ?? null;
      } catch {
        return memory.get(name(key)) ?? null;
      }
    },
    set(key, value) {
      if (value === null) memory.delete(name(key));
      else memory.set(name(key), value);
      try {
        if (value === null) storage?.removeItem(name(key));
        else storage?.setItem(name(key), value);
      } catch {
        // Full or forbidden: memory has it.
      }
    },
  };
}

export function browserStorage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
