/** Black or white, whichever reads better on the colour (WCAG relative luminance). */

function channel(value: number): number {
  const c = value / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

export function accentInk(hex: string): '#ffffff' | '#101828' {
  const n = Number.parseInt(hex.slice(1), 16);
  const luminance = 0.2126 * channel(n >> 16) + 0.7152 * channel((n >> 8) & 255) + 0.0722 * channel(n & 255);
  return 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.06 ? '#ffffff' : '#101828';
}
