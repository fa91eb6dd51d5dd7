/** Where the keyboard and the screen reader land when a view opens: the place marked by `{@attach landing(widget)}`. */
import type { Attachment } from 'svelte/attachments';

import type { Widget } from './widget.svelte.js';

const MARK = 'landing';

export function landing(widget: Widget): Attachment<HTMLElement> {
  return (node) => {
    node.dataset[MARK] = '';
    if (widget.isOpen && widget.hasMoved) node.focus({ preventScroll: true });
  };
}

/** The window has just been opened. */
export function land(): void {
  const node = document.querySelector<HTMLElement>(`[data-${MARK}]`);
  node?.focus({ preventScroll: true });
}

/** With a touch keyboard, focus in a text field would cover half of what the person came to read. */
export const hasKeyboard = (): boolean => matchMedia('(hover: hover) and (pointer: fine)').matches;
