import { toastProblem } from './problems.js';

/** Something that a page loads and shows: loading, there, or failed with a way to try again. */
export class Resource<T> {
  data = $state.raw<T | null>(null);
  problem = $state.raw<unknown>(null);
  private round = 0;

  constructor(private readonly fetch: () => Promise<T>) {}

  async load(): Promise<void> {
    const mine = ++this.round;
    try {
      const data = await this.fetch();
      if (mine !== this.round) return;
      this.data = data;
      this.problem = null;
    } catch (problem) {
      if (mine === this.round) this.problem = problem;
    }
  }
}

/** One act of a form: under way, what was wrong. */
export class Act {
  busy = $state(false);
  problem = $state.raw<unknown>(null);

  /** True when it worked. `quiet` leaves the words to the caller (fields show their own). */
  async run(act: () => Promise<unknown>, quiet = false): Promise<boolean> {
    this.busy = true;
    this.problem = null;
    try {
      await act();
      return true;
    } catch (problem) {
      this.problem = problem;
      if (!quiet) toastProblem(problem);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
