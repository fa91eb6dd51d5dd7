/** The exchange's colour, made readable: on it, as text on our surfaces, and as a tint behind text. In TypeScript because older browsers lack color-mix(). */

type Rgb = readonly [number, number, number];
const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];
const AA = 4.5;
const DEFAULT = '#1f5bd8';

function parse(hex: string): Rgb {
  const n = Number.parseInt((/^#[0-9a-f]{6}$/i.test(hex) ? hex : DEFAULT).slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

function toHex(rgb: Rgb): string {
  return `#${rgb.map((v) => Math.round(v).toString(16).padStart(2, '0')).join('')}`;
}

function mix(a: Rgb, b: Rgb, share: number): Rgb {
  return a.map((v, i) => v + (b[i]! - v) * share) as unknown as Rgb;
}

/** WCAG relative luminance. */
function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((value) => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrastOf(a: Rgb, b: Rgb): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

export function contrast(a: string, b: string): number {
  return contrastOf(parse(a), parse(b));
}

const INK: Rgb = [16, 24, 40];
/** Nearly black or white, whichever reads better on the colour. */
export function accentInk(hex: string): string {
  const rgb = parse(hex);
  return toHex(contrastOf(rgb, WHITE) >= contrastOf(rgb, INK) ? WHITE : INK);
}

/** The colour moved towards black or white until it reads as text on all of `surfaces`. */
function readable(rgb: Rgb, surfaces: Rgb[], towards: Rgb): Rgb {
  for (let share = 0; share < 1; share += 0.04) {
    const tried = mix(rgb, towards, share);
    if (surfaces.every((s) => contrastOf(tried, s) >= AA)) return tried;
  }
  return towards;
}

/** As much of the colour behind text as the text can stand. */
function tint(surface: Rgb, brand: Rgb, share: number, ink: Rgb): Rgb {
  const tinted = mix(surface, brand, share);
  return share <= 0 || contrastOf(ink, tinted) >= 7 ? tinted : tint(surface, brand, share - 0.03, ink);
}

/** Custom properties of the theme, from the one colour of the inbox. */
export function accentRoles(hex: string, isDark: boolean): Record<string, string> {
  const brand = parse(hex);
  const surface: Rgb = isDark ? [27, 33, 43] : WHITE;
  const towards = isDark ? WHITE : BLACK;
  const soft = mix(surface, brand, isDark ? 0.22 : 0.1);
  const accent = readable(brand, [surface], towards);
  return {
    '--brand': toHex(brand),
    '--brand-ink': accentInk(hex),
    '--accent': toHex(accent),
    '--accent-hover': toHex(mix(accent, towards, 0.14)),
    '--accent-ink': accentInk(toHex(accent)),
    '--accent-soft': toHex(soft),
    '--accent-soft-ink': toHex(readable(brand, [soft], towards)),
    '--bubble-out': toHex(
      tint(surface, brand, isDark ? 0.34 : 0.13, isDark ? [231, 235, 242] : [22, 27, 36]),
    ),
  };
}
