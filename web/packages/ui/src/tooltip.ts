import type { Attachment } from 'svelte/attachments';

const DELAY_MS = 450;
let bubble: HTMLElement | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let owner: Element | null = null;

function element(): HTMLElement {
  if (!bubble) {
    bubble = document.createElement('div');
    bubble.className = 'sh-tooltip';
    bubble.setAttribute('popover', 'manual');
    // The label is already the control's accessible name.
    bubble.setAttribute('aria-hidden', 'true');
    document.body.append(bubble);
  }
  return bubble;
}

function place(anchor: Element, tip: HTMLElement): void {
  const a = anchor.getBoundingClientRect();
  const t = tip.getBoundingClientRect();
  const above = a.top - t.height - 6;
  const top = above > 4 ? above : a.bottom + 6;
  const left = Math.min(Math.max(4, a.left + a.width / 2 - t.width / 2), innerWidth - t.width - 4);
  tip.style.top = `${top}px`;
  tip.style.left = `${left}px`;
}

function hide(): void {
  clearTimeout(timer);
  owner = null;
  if (bubble?.matches(':popover-open')) bubble.hidePopover();
}

/** `{@attach tooltip('Close', 'Esc')}`: a hint on hover and keyboard focus. One bubble serves the page. */
export function tooltip(text: string, shortcut?: string): Attachment<HTMLElement> {
  return (node) => {
    const show = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const tip = element();
        tip.textContent = text;
        if (shortcut) {
          const key = document.createElement('kbd');
          key.textContent = shortcut;
          tip.append(key);
        }
        owner = node;
        if (typeof tip.showPopover !== 'function') return;
        if (!tip.matches(':popover-open')) tip.showPopover();
        place(node, tip);
      }, DELAY_MS);
    };
    const focus = () => node.matches(':focus-visible') && show();
    node.addEventListener('pointerenter', show);
    node.addEventListener('focus', focus);
    for (const name of ['pointerleave', 'blur', 'pointerdown', 'keydown']) node.addEventListener(name, hide);
    return () => {
      node.removeEventListener('pointerenter', show);
      node.removeEventListener('focus', focus);
      for (const name of ['pointerleave', 'blur', 'pointerdown', 'keydown'])
        node.removeEventListener(name, hide);
      if (owner === node) hide();
      else clearTimeout(timer);
    };
  };
}
