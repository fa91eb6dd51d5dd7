/** What the page's loader and the app in the iframe say to each other. Both sides check origin, source window and shape before they believe a word. */

export const PROTOCOL = 'stablehand/1';

export type ToFrame =
  | { t: 'visible'; open: boolean }
  | { t: 'identify'; identity: string }
  | { t: 'logout' }
  | { t: 'locale'; locale: string };

export type ToPage =
  | { t: 'ready' }
  | { t: 'close' }
  | { t: 'unread'; count: number; preview: string }
  | { t: 'accent'; color: string };

type Envelope<M> = M & { p: typeof PROTOCOL };

const TEXT = 'string';
const SHAPES: Record<string, Record<string, 'string' | 'boolean' | 'number'>> = {
  visible: { open: 'boolean' },
  identify: { identity: TEXT },
  logout: {},
  locale: { locale: TEXT },
  ready: {},
  close: {},
  unread: { count: 'number', preview: TEXT },
  accent: { color: TEXT },
};

export function envelope<M extends ToFrame | ToPage>(message: M): Envelope<M> {
  return { ...message, p: PROTOCOL };
}

/** The message of an event that comes from `source` at exactly `origin` and has a known shape; otherwise null. */
export function read<M extends ToFrame | ToPage>(
  event: MessageEvent,
  source: unknown,
  origin: string,
): M | null {
  if (event.origin !== origin || event.source !== source) return null;
  const data = event.data as Record<string, unknown> | null;
  if (typeof data !== 'object' || data === null || data['p'] !== PROTOCOL) return null;
  const shape = SHAPES[String(data['t'])];
  if (!shape) return null;
  for (const [key, type] of Object.entries(shape)) {
    if (typeof data[key] !== type) return null;
  }
  return data as M;
}
