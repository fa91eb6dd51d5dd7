/** An outcome in a few lines. */
import type { Outcome } from './story.js';

export interface Figures {
  faults: number;
  acknowledged: number;
  lost: number;
  doubled: number;
  wrong: number;
  failovers: number;
  promote_p50_ms: number;
  promote_max_ms: number;
  client_p50_ms: number;
  client_max_ms: number;
  /** What clients waited in all, over what Patroni took. */
  ratio_p50: number;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

export function figuresOf(outcome: Outcome): Figures {
  const promote = outcome.failovers.map((f) => f.promoteMs);
  const client = outcome.failovers.flatMap((f) => f.clientMs);
  const ratios = outcome.failovers.flatMap((f) => f.clientMs.map((ms) => (f.promoteMs + ms) / f.promoteMs));
  const of = (word: string) => outcome.wrong.filter((w) => w.startsWith(word)).length;
  return {
    faults: outcome.n.faults,
    acknowledged: outcome.n.acknowledged,
    lost: of('lost'),
    doubled: of('doubled'),
    wrong: outcome.wrong.length,
    failovers: promote.length,
    promote_p50_ms: quantile(promote, 0.5),
    promote_max_ms: quantile(promote, 1),
    client_p50_ms: quantile(client, 0.5),
    client_max_ms: quantile(client, 1),
    ratio_p50: Number(quantile(ratios, 0.5).toFixed(2)),
  };
}

export function tellOutcome(outcome: Outcome): string {
  const f = figuresOf(outcome);
  const { n } = outcome;
  return [
    `${n.faults} faults, ${n.acknowledged} messages acknowledged, ${n.received} events received, ${n.conversations} conversations, ${n.snoozes} snoozes, ${n.stale} stale reads`,
    `${f.lost} lost, ${f.doubled} doubled, ${f.wrong} wrong in all`,
    `${f.failovers} failovers: promoted after p50 ${f.promote_p50_ms} ms, max ${f.promote_max_ms} ms; clients wrote again p50 ${f.client_p50_ms} ms, max ${f.client_max_ms} ms after that; in all ${f.ratio_p50} times what Patroni took (p50)`,
    ...outcome.wrong.map((w) => `WRONG ${w}`),
  ].join('\n');
}
