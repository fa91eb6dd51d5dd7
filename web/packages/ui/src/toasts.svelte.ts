export interface Toast {
  id: number;
  text: string;
  tone: 'info' | 'success' | 'danger';
  action?: { label: string; run: () => void } | undefined;
}

const SHORT_MS = 4_000;
const LONG_MS = 9_000;

/** Short messages in the corner. A failure stays longer; one with an action longest, because it must be reached by keyboard. */
class Toasts {
  items = $state.raw<readonly Toast[]>([]);
  private next = 1;
  private timers = new Map<number, ReturnType<typeof setTimeout>>();

  show(text: string, tone: Toast['tone'] = 'info', action?: Toast['action']): number {
    const id = this.next++;
    const kept = this.items.filter((t) => t.text !== text).slice(-3);
    this.items = [...kept, { id, text, tone, action }];
    this.timers.set(
      id,
      setTimeout(() => this.dismiss(id), tone === 'danger' || action ? LONG_MS : SHORT_MS),
    );
    return id;
  }

  dismiss(id: number): void {
    clearTimeout(this.timers.get(id));
    this.timers.delete(id);
    this.items = this.items.filter((t) => t.id !== id);
  }
}

export const toasts = new Toasts();
