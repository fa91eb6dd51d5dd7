// The checker of the starter content must find every kind of fault: each case breaks a copy in one place.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkContent } from '../../scripts/lib/content.mjs';

const content = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'content');
const EN = 'articles/fees/en.md';
const ZH = 'articles/fees/zh-CN.md';

const replace = (from, to) => (text) => {
  assert.ok(typeof from === 'string' ? text.includes(from) : from.test(text), `the case no longer fits: ${from}`);
  return text.replace(from, to);
};
const json = (change) => (text) => {
  const value = JSON.parse(text);
  change(value);
  return `${JSON.stringify(value)}\n`;
};

const cases = [
  ['no front matter', EN, replace('---\n', ''), /en\.md:1: first line must be ---/],
  ['field missing', EN, replace(/^risk: .*\n/m, ''), /field risk is missing/],
  ['field unknown', EN, replace('risk:', 'danger:'), /en\.md:6: unknown field danger/],
  ['field twice', EN, replace('order: 10\n', 'order: 10\norder: 10\n'), /field order twice/],
  ['fields in another order', EN, replace(/^(order: .*\n)(summary: .*\n)/m, '$2$1'), /the order of fields/],
  ['YAML comment', EN, replace('risk: none', 'risk: none # no'), /contains ": " or " #"/],
  ['risk unknown', EN, replace('risk: none', 'risk: high'), /risk must be none or money/],
  ['languages disagree', ZH, replace('risk: none', 'risk: money'), /zh-CN\.md:6: risk is money, but none in en/],
  ['category unknown', EN, replace('category: fees-limits', 'category: prices'), /no category prices/],
  ['place taken', EN, replace('order: 10', 'order: 20'), /same category and order as|order is 10, but 20/],
  ['summary too long', EN, replace(/^summary: /m, `summary: ${'x'.repeat(200)} `), /summary has \d+ characters, limit 200/],
  ['answer too long', EN, replace('answer: |\n', `answer: |\n  ${'y'.repeat(700)}\n`), /answer has \d+ characters, limit 700/],
  ['answer with a link', EN, replace('answer: |\n', 'answer: |\n  See [limits](limits).\n'), /answers carry no links/],
  ['answer not indented', EN, replace('answer: |\n  ', 'answer: |\n'), /does not belong to the front matter/],
  ['phrasing of another article', EN, replace('  - what are your fees\n', '  - My account was HACKED!\n'), /is also in/],
  ['phrasing doubled', EN, replace('  - what are your fees\n', '  - what are your fees\n  - What are your fees?\n'), /is also in fees/],
  ['too few phrasings', EN, replace(/phrasings:(\n {2}- .*)+/, 'phrasings:\n  - one'), /1 phrasings, need 5-24/],
  ['body too short', EN, (t) => `${t.split('\n---\n')[0]}\n---\n## A\n\nShort.\n`, /body has 3 words/],
  ['raw HTML', EN, replace('## Overview', '## Overview\n\n<b>x</b>'), /raw HTML/],
  ['first-level heading', EN, replace('## Overview', '# Overview'), /headings are ## or ###/],
  ['ragged table', EN, replace('| P2P | See the offer |', '| P2P |'), /table row has 2 cells, expected 3/],
  ['dead link', EN, replace('(choose-network)', '(choose-nothing)'), /link to unknown article choose-nothing/],
  ['structure differs', ZH, replace('## 对不上', '**对不上**'), /headings differ: \d here, \d in en/],
  ['bold not closed', EN, replace('**and network**', '**and network'), /without its partner/],
  ['bold that CommonMark does not close', ZH, replace('**成交那一刻**', '**成交那一刻。**'), /closes no emphasis/],
  ['variable unknown', EN, replace('{{brand}}', '{{exchange}}'), /unknown variable \{\{exchange\}\}/],
  ['variable not closed', EN, replace('{{brand}}', '{{brand} '), /unknown variable/],
  ['carriage return', EN, replace('## Overview\n', '## Overview\r\n'), /carriage return/],
  ['hidden character', EN, replace('## Overview', '## Over\u202eview'), /invisible or direction-changing/],
  ['language missing', ZH, null, /zh-CN\.md:1: missing/],
  ['broken JSON', 'phrases.json', replace('{', '{,'), /phrases\.json:1: /],
  ['phrase missing in one language', 'phrases.json', json((v) => delete v['zh-CN'].texts.handover), /different keys/],
  ['phrase without its variable', 'phrases.json', json((v) => (v['zh-CN'].texts.queue_position = '第 1 位')), /other variables/],
  ['word not folded', 'phrases.json', json((v) => v.en.words.thanks.push('Merci')), /not folded/],
  ['canned reply only in one language', 'canned/zh-CN.json', json((v) => v.pop()), /shortcuts differ/],
  ['category without article', 'categories.json', json((v) => v.push({ ...v[0], slug: 'empty' })), /category empty has no article/],
  ['question copied from a phrasing', 'eval/en.tsv', replace('none\t', 'fees\tWhat are your fees?\nnone\t'), /too like the phrasing/],
  ['question for no article', 'eval/en.tsv', replace('none\t', 'nothing\t'), /no article nothing/],
  ['intent without an article', 'bot/intents.json', json((v) => (v[0].article = 'nothing')), /no article nothing/],
  ['article without an intent', 'bot/intents.json', json((v) => v.pop()), /59 intents, need 60|no intent for article wrong-network/],
  ['money at risk denied', 'bot/intents.json', json((v) => v.forEach((i) => (i.money_at_risk = false))), /says risk: money/],
  ['need unknown', 'bot/intents.json', json((v) => v[0].needs.push('password')), /unknown need password/],
  ['intent without a title', 'bot/intents.json', json((v) => delete v[0].title['zh-CN']), /no title in zh-CN/],
  ['phrasing of no intent', 'bot/intents/en.tsv', replace(/^fees\t/m, 'prices\t'), /no intent prices/],
  ['too few phrasings', 'bot/eval/en.tsv', (text) => text.replace(/^fees\t.*\n/gm, ''), /fees has \d phrasings in both halves, need 10/],
  ['nothing left to learn from', 'bot/intents/zh-CN.tsv', (text) => text.replace(/^fees\t.*\n/gm, ''), /fees has 0 phrasings to learn/],
  ['phrasing in two intents', 'bot/intents/en.tsv', (text) => text + text.replace(/^[^\t]*\t(.*)\n[^]*$/, 'limits\t$1!!\n').toUpperCase().replace('LIMITS', 'limits'), /is also in bot\/intents\/en\.tsv:1 /],
  ['phrasing in both halves', 'bot/intents/zh-CN.tsv', (text) => text + readFileSync(join(content, 'bot/eval/zh-CN.tsv'), 'utf8').split('\n')[0] + '\n', /belongs to the other half/],
  ['phrasing also in an article', 'bot/intents/en.tsv', (text) => `${text}fees\twhat are your fees?\n`, /is also in articles\/fees\/en\.md/],
  ['phrasing like a question', 'bot/intents/en.tsv', (text) => `${text}${readFileSync(join(content, 'eval/en.tsv'), 'utf8').split('\n')[0]} !\n`, /is too like the question/],
  ['not NFC', 'bot/eval/en.tsv', replace(/^fees\t/m, 'fees\tcafe\u0301 '), /not in Unicode form NFC/],
  ['questions without an answer missing', 'bot/eval/none.en.tsv', replace(/\n[^]*$/, '\n'), /1 questions, need 100/],
];

test('the content as it is passes', () => {
  assert.deepEqual(checkContent(content).errors, []);
});

for (const [name, file, change, expected] of cases) {
  test(name, () => {
    const dir = mkdtempSync(join(tmpdir(), 'content-'));
    try {
      cpSync(content, dir, { recursive: true });
      const path = join(dir, file);
      if (change === null) rmSync(path);
      else writeFileSync(path, change(readFileSync(path, 'utf8')));
      const { errors } = checkContent(dir);
      assert.ok(errors.some((e) => expected.test(e)), `expected ${expected}, got:\n${errors.join('\n')}`);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
}
