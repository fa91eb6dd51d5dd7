/** The line to the exchange's page: exact origin both ways. */
import { envelope, read, TO_FRAME, type ToFrame, type ToPage } from '../../loader/protocol.js';

export interface PageLink {
  tell(message: ToPage): void;
}

/** Opened on its own (no parent): tells nobody, hears nobody. */
export function linkToPage(origin: string, onMessage: (message: ToFrame) => void): PageLink {
  const parent = window.parent === window ? null : window.parent;
  if (!parent || !origin) return { tell: () => undefined };
  window.addEventListener('message', (event) => {
    const message = read<ToFrame>(event, parent, origin, TO_FRAME);
    if (message) onMessage(message);
  });
  return { tell: (message) => parent.postMessage(envelope(message), origin) };
}
