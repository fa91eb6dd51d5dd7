/** What the writer asks for while writing: `/` a canned reply, `@` a colleague (in notes), `??` an article. Pure. */

export interface Trigger {
  kind: 'canned' | 'mention' | 'article';
  query: string;
  /** Where the trigger begins in the text; it ends at the caret. */
  from: number;
}

const CANNED = /(?:^|[\s\n])([/／])([^\s/／]{0,40})$/;
const MENTION = /(?:^|[\s\n(（])([@＠])([^\s@＠]{0,40})$/;
const ARTICLE = /(?<![?？])([?？]{2})([^\n?？]{0,60})$/;

export function triggerAt(text: string, caret: number, isNote: boolean): Trigger | null {
  const before = text.slice(0, caret);
  const canned = CANNED.exec(before);
  if (canned) return { kind: 'canned', query: canned[2] ?? '', from: caret - (canned[2] ?? '').length - 1 };
  const mention = isNote ? MENTION.exec(before) : null;
  if (mention)
    return { kind: 'mention', query: mention[2] ?? '', from: caret - (mention[2] ?? '').length - 1 };
  const article = ARTICLE.exec(before);
  if (article)
    return { kind: 'article', query: (article[2] ?? '').trim(), from: caret - (article[2] ?? '').length - 2 };
  return null;
}

/** Puts `insert` in the place of the trigger; says where the caret goes. */
export function complete(
  text: string,
  caret: number,
  trigger: Trigger,
  insert: string,
): { text: string; caret: number } {
  const head = text.slice(0, trigger.from) + insert;
  return { text: head + text.slice(caret), caret: head.length };
}

/** Ids of the people whose `@Name` stands in the text; a longer name wins over one that it begins with. */
export function mentionsIn(text: string, people: readonly { id: string; name: string }[]): string[] {
  const found: string[] = [];
  let rest = text;
  for (const person of [...people].sort((a, b) => b.name.length - a.name.length)) {
    if (!person.name || !rest.includes(`@${person.name}`)) continue;
    found.push(person.id);
    rest = rest.replaceAll(`@${person.name}`, '');
  }
  return found;
}

/** Fills `{{customer.name}}`, with `{{customer.name|friend}}` when there is none. What is not known and has no fallback is left, so that it is seen. */
export function fillVariables(text: string, values: Readonly<Record<string, string | undefined>>): string {
  return text.replace(
    /\{\{\s*([\w.]+)\s*(?:\|([^{}]*))?\}\}/g,
    (whole, name: string, fallback: string | undefined) => {
      return values[name]?.trim() || fallback?.trim() || whole;
    },
  );
}
