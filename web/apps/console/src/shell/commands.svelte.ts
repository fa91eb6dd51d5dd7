import { untrack } from 'svelte';

export interface Command {
  id: string;
  label: string;
  group: string;
  icon: string;
  /** Further words that find it (the other language's, synonyms). */
  also?: string;
  shortcut?: string | undefined;
  run: () => void;
}

/** Pages and the open conversation add what can be done now; the command bar shows it. */
class Commands {
  open = $state(false);
  private sources = $state.raw<readonly (() => readonly Command[])[]>([]);

  add(source: () => readonly Command[]): () => void {
    // Called from effects, which must not depend on the list that they change.
    untrack(() => (this.sources = [source, ...this.sources]));
    return () => untrack(() => (this.sources = this.sources.filter((s) => s !== source)));
  }

  get all(): readonly Command[] {
    return this.sources.flatMap((source) => source());
  }
}

export const commands = new Commands();

/** How well `text` answers `query`: 0 not at all. Whole beginnings beat beginnings of words beat letters in order. */
export function score(text: string, query: string): number {
  const hay = text.toLowerCase();
  const needle = query.trim().toLowerCase();
  if (needle === '') return 1;
  if (hay.startsWith(needle)) return 100;
  const at = hay.indexOf(needle);
  if (at > 0) return /[\s/·-]/.test(hay[at - 1] ?? '') ? 80 : 60;
  let from = 0;
  for (const c of needle) {
    from = hay.indexOf(c, from) + 1;
    if (from === 0) return 0;
  }
  return 20 - Math.min(10, (from - needle.length) / 4);
}

export function rank(all: readonly Command[], query: string): Command[] {
  return all
    .map((command) => ({
      command,
      points: Math.max(
        score(command.label, query),
        score(command.also ?? '', query) * (command.also ? 0.9 : 0),
      ),
    }))
    .filter((x) => x.points > 0)
    .sort((a, b) => (query.trim() ? b.points - a.points : 0))
    .map((x) => x.command);
}
