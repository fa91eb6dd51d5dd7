/** Transaction ids and addresses inside text: what people copy one character wrong and lose money by. Recognised by shape only; whether a checksum holds is the
 * server's matter (guard). Longest shapes first, so that a txid is not taken for an address with a tail. */

export type Piece = { kind: 'text' | 'chain'; text: string };

const SHAPES = [
  '0x[0-9a-fA-F]{64}', // EVM transaction
  '[0-9a-fA-F]{64}', // Bitcoin, TRON transaction
  '0x[0-9a-fA-F]{40}', // EVM address
  'T[1-9A-HJ-NP-Za-km-z]{33}', // TRON address
  '(?:bc1|tb1|ltc1)[02-9ac-hj-np-z]{11,71}', // Bitcoin, bech32
  '[13][1-9A-HJ-NP-Za-km-z]{25,34}', // Bitcoin, base58
  '[1-9A-HJ-NP-Za-km-z]{43,44}', // Solana address
  'r[1-9A-HJ-NP-Za-km-z]{24,34}', // XRP address
];
const CHAIN = new RegExp(`(?<![\\w/.-])(?:${SHAPES.join('|')})(?![\\w/-])`, 'g');

/** A word of letters only is a word ("rhythmically..."): what is on a chain has digits in it. */
const hasDigit = (text: string) => /\d/.test(text);

export function splitChainText(text: string): Piece[] {
  const out: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(CHAIN)) {
    if (!hasDigit(match[0])) continue;
    if (match.index > at) out.push({ kind: 'text', text: text.slice(at, match.index) });
    out.push({ kind: 'chain', text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < text.length) out.push({ kind: 'text', text: text.slice(at) });
  return out;
}
