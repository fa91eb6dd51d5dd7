import type { Lang } from './form.js';

export interface Question {
  text: string;
  lang: Lang;
}

/** A customer's question on its way into an article that is not made yet. In memory only: their words do not belong into an address or a history. */
class Seed {
  question = $state.raw<Question | null>(null);

  /** The question, once: who takes it has it. */
  take(): Question | null {
    const taken = this.question;
    this.question = null;
    return taken;
  }
}

export const seed = new Seed();
