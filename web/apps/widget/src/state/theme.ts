/** Light or dark as the reader's system says, in the exchange's colour. Only through CSSOM: the page's policy allows no inline style. */
import { accentRoles } from './accent.js';

let accent = '#1f5bd8';
let isDark = false;

function paint(): void {
  const root = document.documentElement;
  root.dataset['theme'] = isDark ? 'dark' : 'light';
  for (const [name, value] of Object.entries(accentRoles(accent, isDark))) {
    root.style.setProperty(name, value);
  }
}

export function startTheme(): void {
  const system = window.matchMedia('(prefers-color-scheme: dark)');
  const follow = () => {
    isDark = system.matches;
    paint();
  };
  system.addEventListener('change', follow);
  follow();
}

export function setAccent(color: string): void {
  accent = color;
  paint();
}
