/** The light Markdown of messages as a tree, never as HTML: the views make elements of it, so that no text can become markup.
 *
 * Known: paragraphs, line breaks, bullet and numbered lists, quotes, fenced code, `code`, **bold**, *italic*, links. Everything else is text. */

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'bold' | 'italic'; children: Inline[] }
  | { kind: 'code'; text: string }
  | { kind: 'link'; text: string; href: string }
  | { kind: 'break' };

export type Block =
  | { kind: 'paragraph'; children: Inline[] }
  | { kind: 'list'; ordered: boolean; start: number; items: Inline[][] }
  | { kind: 'quote'; children: Inline[] }
  | { kind: 'code'; text: string };

const INLINE =
  /(`[^`\n]+`)|(\*\*[^*\n]+\*\*)|((?<![*\w])\*[^*\s][^*\n]*\*(?!\w))|(\[[^\]\n]+\]\([^\s)]+\))|(https?:\/\/[^\s<>"'，。；！？、）】》]+)/g;
const TRAILING = /[.,;:!?)\]}'"]+$/;

/** http, https and mailto only. */
export function safeHref(href: string): string | null {
  if (/^mailto:[^\s]+@[^\s]+$/i.test(href)) return href;
  if (!/^https?:\/\//i.test(href)) return null;
  try {
    return new URL(href).href;
  } catch {
    return null;
  }
}

function bareLink(raw: string): Inline[] {
  // A closing bracket belongs to the address when it was opened inside it.
  const tail = raw.includes('(') ? raw.match(/[.,;:!?'"]+$/)?.[0] : raw.match(TRAILING)?.[0];
  const text = tail ? raw.slice(0, -tail.length) : raw;
  const href = safeHref(text);
  const out: Inline[] = [href ? { kind: 'link', text, href } : { kind: 'text', text }];
  if (tail) out.push({ kind: 'text', text: tail });
  return out;
}

function token(raw: string): Inline[] {
  if (raw.startsWith('`')) return [{ kind: 'code', text: raw.slice(1, -1) }];
  if (raw.startsWith('**')) return [{ kind: 'bold', children: inline(raw.slice(2, -2)) }];
  if (raw.startsWith('*')) return [{ kind: 'italic', children: inline(raw.slice(1, -1)) }];
  if (raw.startsWith('[')) {
    const [, text = '', target = ''] = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(raw) ?? [];
    const href = safeHref(target);
    return href ? [{ kind: 'link', text, href }] : [{ kind: 'text', text: raw }];
  }
  return bareLink(raw);
}

function inline(text: string): Inline[] {
  const out: Inline[] = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > at) out.push({ kind: 'text', text: text.slice(at, match.index) });
    out.push(...token(match[0]));
    at = match.index + match[0].length;
  }
  if (at < text.length) out.push({ kind: 'text', text: text.slice(at) });
  return out;
}

function lines(rows: string[]): Inline[] {
  return rows.flatMap((row, i) => (i === 0 ? inline(row) : [{ kind: 'break' } as Inline, ...inline(row)]));
}

const BULLET = /^\s{0,3}[-*•]\s+(.*)$/;
const NUMBER = /^\s{0,3}(\d{1,3})[.)、]\s*(.+)$/;

interface Reader {
  rows: string[];
  at: number;
}

function takeWhile(r: Reader, test: (row: string) => boolean): string[] {
  const from = r.at;
  while (r.at < r.rows.length && test(r.rows[r.at]!)) r.at++;
  return r.rows.slice(from, r.at);
}

function startsBlock(row: string): boolean {
  return (
    row.trim() === '' || row.startsWith('```') || row.startsWith('>') || BULLET.test(row) || NUMBER.test(row)
  );
}

function readBlock(r: Reader): Block {
  const row = r.rows[r.at]!;
  if (row.startsWith('```')) {
    r.at++;
    const code = takeWhile(r, (x) => !x.startsWith('```'));
    r.at++;
    return { kind: 'code', text: code.join('\n') };
  }
  if (row.startsWith('>')) {
    return {
      kind: 'quote',
      children: lines(takeWhile(r, (x) => x.startsWith('>')).map((x) => x.replace(/^>\s?/, ''))),
    };
  }
  if (BULLET.test(row)) {
    return {
      kind: 'list',
      ordered: false,
      start: 1,
      items: takeWhile(r, (x) => BULLET.test(x)).map((x) => inline(BULLET.exec(x)![1]!)),
    };
  }
  if (NUMBER.test(row)) {
    const start = Number(NUMBER.exec(row)![1]);
    return {
      kind: 'list',
      ordered: true,
      start,
      items: takeWhile(r, (x) => NUMBER.test(x)).map((x) => inline(NUMBER.exec(x)![2]!)),
    };
  }
  return { kind: 'paragraph', children: lines(takeWhile(r, (x) => !startsBlock(x))) };
}

export function parseMarkdown(text: string): Block[] {
  const reader: Reader = { rows: text.replaceAll('\r\n', '\n').split('\n'), at: 0 };
  const blocks: Block[] = [];
  while (reader.at < reader.rows.length) {
    if (reader.rows[reader.at]!.trim() === '') reader.at++;
    else blocks.push(readBlock(reader));
  }
  return blocks;
}
