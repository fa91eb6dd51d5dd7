import { describe, expect, it } from 'vitest';

import { parseMarkdown, safeHref, type Inline } from '../src/markdown.js';

function inlineOf(text: string): Inline[] {
  const [block] = parseMarkdown(text);
  return block?.kind === 'paragraph' ? block.children : [];
}

describe('markdown', () => {
  it.each([
    ['javascript:alert(1)'],
    ['JaVaScRiPt:alert(1)'],
    ['data:text/html,<script>'],
    ['vbscript:x'],
    ['//evil.example'],
    ['/relative'],
    ['http://'],
  ])('%s is no link', (href) => {
    expect(safeHref(href)).toBeNull();
    expect(inlineOf(`[x](${href})`).some((n) => n.kind === 'link')).toBe(false);
  });

  it('tags stay text', () => {
    expect(inlineOf('<img src=x onerror=alert(1)>')).toEqual([
      { kind: 'text', text: '<img src=x onerror=alert(1)>' },
    ]);
  });

  it('finds links in Chinese text and leaves its punctuation out', () => {
    expect(inlineOf('请看https://a.example/帮助。谢谢')[1]).toMatchObject({
      kind: 'link',
      text: 'https://a.example/帮助',
    });
  });

  it('leaves the full stop of a sentence out of the address', () => {
    expect(inlineOf('See https://a.example/x.')).toEqual([
      { kind: 'text', text: 'See ' },
      { kind: 'link', text: 'https://a.example/x', href: 'https://a.example/x' },
      { kind: 'text', text: '.' },
    ]);
  });

  it('reads bold, italic and code, and lets lonely stars be', () => {
    expect(inlineOf('**a** *b* `c*d*` 2*3*4')).toEqual([
      { kind: 'bold', children: [{ kind: 'text', text: 'a' }] },
      { kind: 'text', text: ' ' },
      { kind: 'italic', children: [{ kind: 'text', text: 'b' }] },
      { kind: 'text', text: ' ' },
      { kind: 'code', text: 'c*d*' },
      { kind: 'text', text: ' 2*3*4' },
    ]);
  });

  it('reads lists with Chinese numbering, quotes and fenced code', () => {
    const blocks = parseMarkdown('1、打开钱包\n2、复制哈希\n\n- x\n- y\n> said\n```\n<b>\n```');
    expect(blocks.map((b) => b.kind)).toEqual(['list', 'list', 'quote', 'code']);
    expect(blocks[0]).toMatchObject({
      ordered: true,
      start: 1,
      items: [[{ text: '打开钱包' }], [{ text: '复制哈希' }]],
    });
    expect(blocks[3]).toEqual({ kind: 'code', text: '<b>' });
  });

  it('ends on every input, quickly', () => {
    const nasty = [
      '`'.repeat(5000),
      '**'.repeat(5000),
      '[a]('.repeat(3000),
      '> '.repeat(3000),
      '```',
      '1.\n',
      '*a '.repeat(4000),
    ];
    const started = Date.now();
    for (const text of nasty) expect(parseMarkdown(text).length).toBeGreaterThan(0);
    expect(Date.now() - started).toBeLessThan(5000);
  });
});
