import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((f) => /\.(ts|svelte)$/.test(f) && !f.endsWith('.test.ts'))
  .map((f) => ({ name: f, text: readFileSync(join(root, f), 'utf8') }));

/** The keys of each half of a table of words: `words({ en }, { zh })`. */
function tables(text: string): [string[], string[]][] {
  const keys = (half: string) =>
    [...half.replace(/'(?:[^'\\]|\\.)*'/g, '').matchAll(/([a-z]\w*)\s*:/g)].map((m) => m[1] ?? '');
  return [...text.matchAll(/words\(\s*\{([\s\S]*?)\n\s*\},?\s*\{([\s\S]*?)\n?\s*\},?\s*\)/g)].map((m) => [
    keys(m[1] ?? ''),
    keys(m[2] ?? ''),
  ]);
}

const code = files
  .map((f) => f.text.replace(/words\(\s*\{[\s\S]*?\n\s*\},?\s*\{[\s\S]*?\n?\s*\},?\s*\)/g, ''))
  .join('\n');
/** `t(`view_${x}`)`: everything that begins so is used. */
const beginnings = [...code.matchAll(/`([a-z]\w*_)\$\{/g)].map((m) => m[1] ?? '');
const isUsed = (key: string) =>
  beginnings.some((b) => key.startsWith(b)) || new RegExp(`['"\`]${key}['"\`]`).test(code) || fromState(key);
/** Words that are states of the program: t(status). */
const fromState = (key: string) => ['available', 'busy', 'away', 'offline'].includes(key);

const withWords = files.filter((f) => f.name !== 'shell/locale.svelte.ts' && /= words\(/.test(f.text));

test.each(withWords.map((f) => [f.name, f.text]))('%s: every word is used', (_, text) => {
  const found = tables(text).flatMap(([en]) => en);
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter((key) => !isUsed(key)).join(' ')).toBe('');
});

test.each(withWords.map((f) => [f.name, f.text]))('%s: every word is there in both languages', (_, text) => {
  for (const [en, zh] of tables(text)) expect([...zh].sort()).toEqual([...en].sort());
});
