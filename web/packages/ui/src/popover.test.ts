import { expect, test } from 'vitest';
import { placePanel } from './popover.js';

const window = { width: 1000, height: 600 };
const panel = { width: 200, height: 300 };

test('a panel opens below its anchor when there is room', () => {
  expect(placePanel({ top: 50, left: 100, width: 80, height: 30 }, panel, window)).toEqual({
    top: 84,
    left: 100,
    maxHeight: 508,
  });
});

test('a panel flips above at the bottom of the window', () => {
  const placed = placePanel({ top: 560, left: 100, width: 80, height: 30 }, panel, window);
  expect(placed.top).toBe(256);
});

test('a panel stays inside the window at both sides', () => {
  expect(placePanel({ top: 50, left: 950, width: 40, height: 30 }, panel, window).left).toBe(792);
  expect(placePanel({ top: 50, left: 0, width: 40, height: 30 }, panel, window, 'end').left).toBe(8);
});

test('a panel that fits nowhere takes the larger side and scrolls', () => {
  const placed = placePanel(
    { top: 200, left: 0, width: 40, height: 30 },
    { width: 200, height: 900 },
    window,
  );
  expect(placed.top).toBe(234);
  expect(placed.maxHeight).toBe(358);
});
