import { untrack } from 'svelte';
import { session } from './session.svelte.js';

export type ShortcutGroup = 'everywhere' | 'list' | 'conversation' | 'composer';

export interface Shortcut {
  /** As `KeyboardEvent.key`, lower case; `mod+k` is Ctrl or Cmd. */
  key: string;
  label: string;
  group: ShortcutGroup;
  run: () => void;
}

export const isMac = /Mac|iP(hone|ad)/.test(navigator.platform);

/** Where letters belong to the text that is written. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLInputElement)
    return !['checkbox', 'radio', 'button', 'submit', 'range'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function pressed(e: KeyboardEvent): string {
  const mod = e.ctrlKey || e.metaKey;
  return (mod ? 'mod+' : '') + e.key.toLowerCase();
}

/** How a key is shown. */
export function keyName(key: string): string {
  return key
    .replace('mod+', isMac ? '⌘' : 'Ctrl+')
    .replace(/(^|\+|⌘)([a-z])$/, (_, before: string, letter: string) => before + letter.toUpperCase())
    .replace('arrowdown', '↓')
    .replace('arrowup', '↑')
    .replace('enter', 'Enter')
    .replace('escape', 'Esc');
}

/** The keys that do something now. Pages add theirs while they are on the screen; the newest wins. Single letters can be switched off (and are quiet
 * while somebody writes or a dialog is open); the command bar always works. */
class Shortcuts {
  active = $state.raw<readonly Shortcut[]>([]);

  get enabled(): boolean {
    return session.me?.preferences.shortcuts ?? true;
  }

  start(): void {
    addEventListener('keydown', (e) => this.handle(e));
  }

  /** Returns the function that takes them away. */
  add(...shortcuts: Shortcut[]): () => void {
    // Called from effects, which must not depend on the list that they change.
    untrack(() => (this.active = [...shortcuts, ...this.active]));
    return () => untrack(() => (this.active = this.active.filter((s) => !shortcuts.includes(s))));
  }

  private handle(e: KeyboardEvent): void {
    if (e.defaultPrevented || e.isComposing || e.keyCode === 229 || e.altKey) return;
    const key = pressed(e);
    const found = this.active.find((s) => s.key === key);
    if (!found) return;
    if (
      !key.startsWith('mod+') &&
      (!this.enabled || isTyping(e.target) || document.querySelector('dialog[open]'))
    )
      return;
    e.preventDefault();
    found.run();
  }
}

export const shortcuts = new Shortcuts();
