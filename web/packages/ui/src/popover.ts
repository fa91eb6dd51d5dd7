/** Where a floating panel goes: beside its anchor, flipped when there is no room, never outside the window. */
export interface Box {
  top: number;
  left: number;
  width: number;
  height: number;
}

export interface Placement {
  top: number;
  left: number;
  maxHeight: number;
}

const GAP = 4;
const MARGIN = 8;

export function placePanel(
  anchor: Box,
  panel: { width: number; height: number },
  window: { width: number; height: number },
  align: 'start' | 'end' = 'start',
  prefer: 'below' | 'above' = 'below',
): Placement {
  const roomBelow = window.height - (anchor.top + anchor.height) - GAP - MARGIN;
  const roomAbove = anchor.top - GAP - MARGIN;
  const fits = prefer === 'below' ? panel.height <= roomBelow : panel.height <= roomAbove;
  const below = prefer === 'below' ? fits || roomBelow >= roomAbove : !fits && roomBelow > roomAbove;
  const maxHeight = Math.max(80, below ? roomBelow : roomAbove);
  const height = Math.min(panel.height, maxHeight);
  const wish = align === 'start' ? anchor.left : anchor.left + anchor.width - panel.width;
  return {
    top: below ? anchor.top + anchor.height + GAP : anchor.top - GAP - height,
    left: Math.max(MARGIN, Math.min(wish, window.width - panel.width - MARGIN)),
    maxHeight,
  };
}
