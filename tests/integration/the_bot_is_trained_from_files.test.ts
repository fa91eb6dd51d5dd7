/** `stablehand bot train|eval|predict|faq-eval` on a small slice of public data: what they print, what they refuse, and that the same files give the same model. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { STABLEHAND_BIN, ...env } = process.env;
const binary = STABLEHAND_BIN ?? join(root, 'build', 'stablehand');
const data = join(root, 'tests', 'data', 'nlu');
const dir = mkdtempSync(join(tmpdir(), 'stablehand-bot-'));
after(() => rmSync(dir, { recursive: true }));

function bot(args: string[], input = '') {
  const r = spawnSync(binary, ['bot', ...args], { input, env, encoding: 'utf8', timeout: 120_000 });
  return { code: r.status, out: r.stdout, err: r.stderr };
}
const file = (name: string, text: string) => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const train = join(data, 'train.tsv');

interface Prediction {
  text: string;
  language: string;
  label: string;
  p: number;
  in_scope: boolean;
  by: string;
  top: { label: string; p: number }[];
}

test('a trained model answers questions, one JSON object per line', () => {
  const model = join(dir, 'a.model');
  const trained = bot(['train', train, '--model', model]);
  assert.equal(trained.code, 0, trained.err);
  assert.match(trained.err, /288 phrasings, 18 labels/);
  const questions = ['I lost my card, what now?', '這家酒店的電話是多少？', 'who won the cup in 1966', ''];
  const asked = bot(['predict', '--model', model], questions.join('\n') + '\n');
  assert.equal(asked.code, 0, asked.err);
  const answers = asked.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Prediction);
  assert.deepEqual(
    answers.map((a) => a.text),
    questions,
  );
  assert.equal(answers[0]?.label, 'lost_or_stolen_card');
  assert.equal(answers[0]?.in_scope, true);
  assert.equal(answers[1]?.language, 'zh');
  assert.match(answers[1]?.label ?? '', /电话/);
  assert.equal(answers[2]?.in_scope, false);
  assert.equal(answers[3]?.by, 'nothing');
  for (const a of answers) {
    assert.ok(a.p >= 0 && a.p <= 1 && a.top[0]?.label === a.label);
  }
});

test('the same files give the same model, byte by byte', () => {
  const paths = ['b', 'c'].map((name) => join(dir, `${name}.model`));
  for (const path of paths) {
    assert.equal(bot(['train', train, '--model', path]).code, 0);
  }
  const [b, c] = paths.map((path) => readFileSync(path));
  assert.ok(b?.equals(c!));
});

test('figures come as one object with the agreed keys', () => {
  const args = ['eval', '--train', train, '--test', join(data, 'test.tsv'), '--oos', join(data, 'oos.tsv'), '--json'];
  const r = bot(args);
  assert.equal(r.code, 0, r.err);
  assert.equal(r.out.trimEnd().split('\n').length, 1);
  const f = JSON.parse(r.out) as Record<string, number>;
  assert.deepEqual(Object.keys(f).sort(), [
    'accuracy',
    'ece',
    'in_scope_accuracy_at_5',
    'macro_f1',
    'oos_auroc',
    'oos_recall_at_5',
    'peak_mb',
    'questions_per_s',
    'train_s',
  ]);
  for (const key of ['accuracy', 'macro_f1', 'ece', 'oos_auroc', 'in_scope_accuracy_at_5', 'oos_recall_at_5']) {
    assert.ok(f[key]! > 0 && f[key]! <= 1, `${key}: ${f[key]}`);
  }
  assert.ok(f.accuracy! > 0.8 && f.oos_auroc! > 0.85, r.out);
});

test('several training files count together, and people get a table', () => {
  const rows = readFileSync(train, 'utf8').trimEnd().split('\n');
  const half = [file('1.tsv', rows.slice(0, 150).join('\n')), file('2.tsv', rows.slice(150).join('\n'))];
  const r = bot(['eval', '--train', ...half, '--test', join(data, 'test.tsv')]);
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /accuracy +[89]\d\.\d\d %/);
});

test('stored questions are found', () => {
  const r = bot(['faq-eval', '--index', train, '--queries', join(data, 'test.tsv'), '--json']);
  assert.equal(r.code, 0, r.err);
  const f = JSON.parse(r.out) as Record<string, number>;
  assert.ok(f.r_at_1! > 0.6 && f.r_at_5! > f.r_at_1! && f.mrr_at_10! > f.r_at_1!, r.out);
});

test('what is wrong is named with file and line', () => {
  const model = join(dir, 'x.model');
  const bad = file('bad.tsv', 'a\tfirst\n\nb second\n');
  const cases: [string[], RegExp][] = [
    [['train', bad, '--model', model], /bad\.tsv: line 3: no tab/],
    [['train', file('utf8.tsv', 'a\tx\n').replace('utf8', 'none'), '--model', model], /none\.tsv: No such file/],
    [['train', file('one.tsv', 'a\tx\na\ty\n'), '--model', model], /fewer than two labels/],
    [['train', file('empty.tsv', ''), '--model', model], /no examples/],
    [['train', train, '--model', join(dir, 'no', 'such', 'place')], /no\/such\/place/],
    [['eval', '--train', train, '--test', bad], /bad\.tsv: line 3/],
    [['eval', '--train', train, '--test', join(dir, 'empty.tsv')], /empty\.tsv: no questions/],
    [['faq-eval', '--index', bad, '--queries', train], /bad\.tsv: line 3/],
    [['predict', '--model', train], /train\.tsv: not a model file/],
  ];
  for (const [args, message] of cases) {
    const r = bot(args);
    assert.equal(r.code, 1, args.join(' '));
    assert.match(r.err, message);
    assert.equal(r.out, '');
  }
  for (const args of [[], ['fly'], ['train', train], ['eval', '--train', train], ['predict', '--model'], ['predict', '--model', 'x', '--reject', '2']]) {
    assert.equal(bot(args).code, 2, args.join(' '));
  }
});

test('a damaged or cut model is refused', () => {
  const model = join(dir, 'd.model');
  assert.equal(bot(['train', train, '--model', model]).code, 0);
  const good = readFileSync(model);
  for (const at of [0, 9, 15, 30, 60, good.length - 1]) {
    const bytes = Buffer.from(good);
    bytes[at]! ^= 0x40;
    writeFileSync(model, bytes);
    const r = bot(['predict', '--model', model], 'hello\n');
    assert.equal(r.code, 1, `byte ${at}`);
    assert.match(r.err, /d\.model: /);
  }
  writeFileSync(model, good.subarray(0, good.length - 7));
  assert.match(bot(['predict', '--model', model], 'hello\n').err, /cut short/);
});
