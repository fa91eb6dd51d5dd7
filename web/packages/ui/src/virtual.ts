/** Arithmetic of long lists: which rows are on the screen, and how far down each begins. No DOM here. */

/** Rows of one height: the half-open range to draw. */
export function fixedWindow(
  count: number,
  rowHeight: number,
  scrollTop: number,
  viewHeight: number,
  overscan = 8,
): { from: number; to: number } {
  const from = Math.min(count, Math.max(0, Math.floor(scrollTop / rowHeight) - overscan));
  const to = Math.min(count, Math.ceil((scrollTop + viewHeight) / rowHeight) + overscan);
  return { from, to: Math.max(from, to) };
}

/** Scroll position that shows row `index` with the least movement. */
export function scrollToRow(index: number, rowHeight: number, scrollTop: number, viewHeight: number): number {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + viewHeight) return top + rowHeight - viewHeight;
  return scrollTop;
}

/** Rows of different heights, known once they have been measured and guessed before. Offsets are prefix sums, made anew from the first
 * changed row on, so that a change at the end (a new message) costs nothing for the rows above. */
export class RowOffsets {
  private keys: readonly string[] = [];
  private readonly heights = new Map<string, number>();
  private offsets: number[] = [0];
  private validTo = 0;

  constructor(private readonly guess: (index: number) => number) {}

  get count(): number {
    return this.keys.length;
  }

  setKeys(keys: readonly string[]): void {
    let same = 0;
    const limit = Math.min(keys.length, this.keys.length);
    while (same < limit && keys[same] === this.keys[same]) same++;
    this.keys = keys;
    this.validTo = Math.min(this.validTo, same);
  }

  /** True when it changed something. */
  measured(index: number, height: number): boolean {
    const key = this.keys[index];
    if (key === undefined || Math.abs((this.heights.get(key) ?? -1) - height) < 0.5) return false;
    this.heights.set(key, height);
    this.validTo = Math.min(this.validTo, index);
    return true;
  }

  top(index: number): number {
    const to = Math.min(index, this.keys.length);
    for (let i = this.validTo; i < to; i++) {
      const known = this.heights.get(this.keys[i] ?? '');
      this.offsets[i + 1] = (this.offsets[i] ?? 0) + (known ?? this.guess(i));
    }
    this.validTo = Math.max(this.validTo, to);
    return this.offsets[to] ?? 0;
  }

  get total(): number {
    return this.top(this.keys.length);
  }

  /** The row at this height; the last one when it lies below everything. */
  at(y: number): number {
    let low = 0;
    let high = Math.max(0, this.keys.length - 1);
    this.top(this.keys.length);
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if ((this.offsets[mid] ?? 0) <= y) low = mid;
      else high = mid - 1;
    }
    return low;
  }

  window(scrollTop: number, viewHeight: number, overscan = 600): { from: number; to: number } {
    if (this.keys.length === 0) return { from: 0, to: 0 };
    return { from: this.at(scrollTop - overscan), to: this.at(scrollTop + viewHeight + overscan) + 1 };
  }

  indexOf(key: string): number {
    return this.keys.indexOf(key);
  }
}
