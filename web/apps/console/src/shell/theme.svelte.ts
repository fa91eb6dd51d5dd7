export type ThemeChoice = 'system' | 'light' | 'dark';
const KEY = 'stablehand.theme';

/** Light, dark, or as the system has it. The choice is kept in this browser too, so that the page does not flash before the session is known. */
class Theme {
  choice = $state<ThemeChoice>('system');
  private system = $state(false);
  readonly isDark = $derived(this.choice === 'dark' || (this.choice === 'system' && this.system));

  start(): void {
    const kept = localStorage.getItem(KEY);
    if (kept === 'light' || kept === 'dark') this.choice = kept;
    const media = matchMedia('(prefers-color-scheme: dark)');
    this.system = media.matches;
    media.addEventListener('change', (e) => {
      this.system = e.matches;
      this.apply();
    });
    this.apply();
  }

  set(choice: ThemeChoice): void {
    this.choice = choice;
    localStorage.setItem(KEY, choice);
    this.apply();
  }

  private apply(): void {
    document.documentElement.dataset.theme = this.isDark ? 'dark' : 'light';
  }
}

export const theme = new Theme();
