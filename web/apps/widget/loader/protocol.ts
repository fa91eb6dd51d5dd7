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
  | { t: 'accent'; color: string; ink: string }
  /** The customer has a conversation here (or, signed out, has none any more): worth listening for answers with the window closed. */
  | { t: 'known'; known: boolean };

type Envelope<M> = M & { p: typeof PROTOCOL };

type Shapes = Record<string, Record<string, 'string' | 'boolean' | 'number'>>;

/** Names of the fields, per direction: the loader is counted by the byte and carries its own only. */
export const TO_FRAME: Shapes = {
  visible: { open: 'boolean' },
  identify: { identity: 'string' },
  logout: {},
  locale: { locale: 'string' },
};
export const TO_PAGE: Shapes = {
  ready: {},
  close: {},
  unread: { count: 'number', preview: 'string' },
  accent: { color: 'string', ink: 'string' },
  known: { known: 'boolean' },
};

export function envelope<M extends ToFrame | ToPage>(message: M): Envelope<M> {
  return { ...message, p: PROTOCOL };
}

/** The message of an event that comes from `source` at exactly `origin` and has a known shape; otherwise null. */
export function read<M extends ToFrame | ToPage>(
  event: Pick<MessageEvent, 'origin' | 'source' | 'data'>,
  source: unknown,
  origin: string,
  shapes: Shapes,
): M | null {
  if (!source || event.origin !== origin || event.source !== source) return null;
  const data = event.data as Record<string, unknown> | null;
  if (typeof data !== 'object' || data === null || data['p'] !== PROTOCOL) return null;
  const kind = String(data['t']);
  if (!Object.prototype.hasOwnProperty.call(shapes, kind)) return null;
  const shape = shapes[kind]!;
  for (const [key, type] of Object.entries(shape)) {
    if (typeof data[key] !== type) return null;
  }
  return data as M;
}
