import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const css = readFileSync(new URL('../tokens.css', import.meta.url), 'utf8');

/** The custom properties of one theme; the dark one lies over the light one, as in the browser. */
function theme(name: 'light' | 'dark'): Map<string, string> {
  const vars = new Map<string, string>();
  const blocks = [...css.matchAll(/(:root[^{]*)\{([^}]*)\}/g)];
  for (const [, selector = '', body = ''] of blocks) {
    if (selector.includes('dark') && name === 'light') continue;
    for (const [, key = '', value = ''] of body.matchAll(/(--[\w-]+):\s*([^;]+);/g))
      vars.set(key, value.trim());
  }
  return vars;
}

function luminance(hex: string): number {
  const part = (at: number) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}

function contrast(a: string, b: string): number {
  const [hi = 0, lo = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (hi + 0.05) / (lo + 0.05);
}

const text: [string, string[]][] = [
  ['--ink', ['--surface', '--surface-2', '--surface-3', '--surface-active', '--bubble-in', '--bubble-out']],
  ['--ink-2', ['--surface', '--surface-2', '--surface-3', '--surface-active', '--bubble-in', '--bubble-out']],
  ['--ink-3', ['--surface', '--surface-2', '--surface-raised']],
  ['--ink-rail', ['--surface-rail']],
  ['--accent', ['--surface', '--surface-2', '--surface-raised', '--bubble-out']],
  ['--accent-ink', ['--accent', '--accent-hover']],
  ['--accent-soft-ink', ['--accent-soft']],
  ['--success', ['--surface']],
  ['--success-soft-ink', ['--success-soft']],
  ['--warning', ['--surface']],
  ['--warning-soft-ink', ['--warning-soft']],
  ['--danger', ['--surface', '--surface-2']],
  ['--danger-soft-ink', ['--danger-soft']],
  ['--note-ink', ['--note']],
  ['--bot-soft-ink', ['--bot-soft']],
  ['--mark-ink', ['--mark']],
];

for (const name of ['light', 'dark'] as const) {
  describe(`${name} theme`, () => {
    const vars = theme(name);
    test.each(text.flatMap(([ink, on]) => on.map((surface) => [ink, surface])))(
      '%s reads on %s at 4.5:1',
      (ink = '', surface = '') => {
        expect(contrast(vars.get(ink) ?? '', vars.get(surface) ?? '')).toBeGreaterThanOrEqual(4.5);
      },
    );
    test.each(['--line-control', '--focus'])('%s is seen on the surface at 3:1', (key) => {
      expect(contrast(vars.get(key) ?? '', vars.get('--surface') ?? '')).toBeGreaterThanOrEqual(3);
    });
  });
}
