/** Invented prices that move a little, the same on every visit. Shown, never traded: plain numbers will do. */

export interface Pair {
  base: string;
  price: number;
  digits: number;
  change: number;
  volume: string;
  week: number[];
}

/** Park-Miller: small, repeatable. */
function dice(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

function walk(seed: number, change: number): number[] {
  const roll = dice(seed);
  let at = 100;
  return Array.from({ length: 28 }, () => (at += (roll() - 0.5) * 4 + change / 28));
}

const TABLE: [string, number, number, number, string][] = [
  ['BTC', 96412.8, 1, 1.84, '2.41B'],
  ['ETH', 3318.42, 2, -0.62, '1.17B'],
  ['SOL', 214.37, 2, 4.91, '486M'],
  ['BNB', 655.1, 1, 0.35, '201M'],
  ['XRP', 1.4182, 4, -2.14, '388M'],
  ['TRX', 0.20114, 5, 0.88, '94M'],
  ['TON', 5.482, 3, -1.07, '61M'],
];

export const pairs: Pair[] = TABLE.map(([base, price, digits, change, volume], i) => ({
  base,
  price,
  digits,
  change,
  volume,
  week: walk(7919 * (i + 1), change * 3),
}));

const roll = dice(4242);
/** A small step of one pair; gives which, and whether it went up. */
export function step(): { pair: Pair; isUp: boolean } {
  const pair = pairs[Math.floor(roll() * pairs.length)]!;
  const move = (roll() - 0.5) * 0.0012;
  pair.price *= 1 + move;
  pair.change += move * 100;
  return { pair, isUp: move > 0 };
}
