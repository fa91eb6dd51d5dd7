// The rules of content/bot (content/README.md says them in prose): intents, their phrasings, and the half that nobody may learn from.
import { createHash } from 'node:crypto';
import { MAX_LIKENESS, features, fold, likeness } from './alike.mjs';

const KEYS = 'id,article,needs,money_at_risk,title';
// What the desk asks a customer for; the first nine are recognised in the text itself (src/knowledge/entity.h).
const NEEDS = ['txid', 'address', 'order', 'amount', 'coin', 'network', 'link', 'email', 'time', 'memo', 'uid', 'bank', 'device', 'country', 'document', 'error'];
const MIN_INTENTS = 60;
const MIN_PHRASINGS = 10;
const MIN_HALF = 2; // of an intent's phrasings in each half
const HALVES = [0.4, 0.6]; // share kept out, over all intents of a language
const MIN_NONE = 100;
const MAX_PHRASING = 160;

// The half is the phrasing's own: no phrasing changes sides because others come or go.
export const isKeptOut = (text) => createHash('sha256').update(fold(text)).digest()[0] % 2 === 1;

function checkIntent(ctx, file, intent, seen) {
  const what = `intent ${intent.id}`;
  if (Object.keys(intent).join() !== KEYS) ctx.fail(file, 1, `${what}: keys must be ${KEYS}`);
  if (seen.has(intent.id)) ctx.fail(file, 1, `${what} twice`);
  const article = ctx.articles.get(intent.article);
  if (!article) ctx.fail(file, 1, `${what}: no article ${intent.article}`);
  if (intent.id !== intent.article) ctx.fail(file, 1, `${what}: the id is not that of its article`);
  if (typeof intent.money_at_risk !== 'boolean') ctx.fail(file, 1, `${what}: money_at_risk must be true or false`);
  if (article?.en?.fields.risk === 'money' && intent.money_at_risk !== true) {
    ctx.fail(file, 1, `${what}: its article says risk: money`);
  }
  for (const n of intent.needs ?? []) if (!NEEDS.includes(n)) ctx.fail(file, 1, `${what}: unknown need ${n}`);
  if (new Set(intent.needs).size !== intent.needs?.length) ctx.fail(file, 1, `${what}: needs must be a list without repetition`);
}

function readIntents(ctx, langs) {
  const file = 'bot/intents.json';
  const list = ctx.json(file);
  const seen = new Map();
  if (!Array.isArray(list)) {
    ctx.fail(file, 1, 'must be a list');
    return seen;
  }
  for (const intent of list) {
    checkIntent(ctx, file, intent, seen);
    for (const lang of langs) if (!intent.title?.[lang]) ctx.fail(file, 1, `intent ${intent.id}: no title in ${lang}`);
    seen.set(intent.id, intent);
  }
  if (seen.size < MIN_INTENTS) ctx.fail(file, 1, `${seen.size} intents, need ${MIN_INTENTS}`);
  for (const slug of ctx.articles.keys()) if (!seen.has(slug)) ctx.fail(file, 1, `no intent for article ${slug}`);
  return seen;
}

// label<TAB>text rows; what cannot be used is reported and left out.
function readRows(ctx, file, labels) {
  const rows = [];
  ctx.lines(file, { tabs: true }).forEach((row, i) => {
    const [label, text, ...rest] = row.split('\t');
    if (!text || rest.length) return ctx.fail(file, i + 1, 'expected label<TAB>text');
    if (!labels.has(label)) ctx.fail(file, i + 1, `no intent ${label}`);
    if (text !== text.normalize('NFC')) ctx.fail(file, i + 1, 'not in Unicode form NFC');
    if (text !== text.trim() || /\s{2,}/.test(text)) ctx.fail(file, i + 1, 'stray spaces');
    if ([...text].length > MAX_PHRASING) ctx.fail(file, i + 1, `phrasing over ${MAX_PHRASING} characters`);
    rows.push({ label, text, file, line: i + 1, key: fold(text) });
    return undefined;
  });
  return rows;
}

function checkHalf(ctx, row, kept) {
  if (isKeptOut(row.text) !== kept) {
    ctx.fail(row.file, row.line, `belongs to the other half (run scripts/split-phrasings): "${row.text}"`);
  }
}

function checkDifferent(ctx, rows, taught) {
  const seen = new Map(taught);
  for (const row of rows) {
    const other = seen.get(row.key);
    if (other) ctx.fail(row.file, row.line, `"${row.text}" is also in ${other.file}:${other.line} (${other.label ?? other.slug})`);
    else seen.set(row.key, row);
  }
}

// A question that measures must not be one that was taught in other order or with another comma.
function checkUnlike(ctx, asked, taught, lang) {
  const sets = taught.map((t) => ({ ...t, set: features(t.text, lang) }));
  for (const row of asked) {
    const set = features(row.text, lang);
    const copy = sets.find((t) => likeness(t.set, set) > MAX_LIKENESS);
    if (copy) ctx.fail(copy.file, copy.line, `"${copy.text}" is too like the question "${row.text}" (${row.file}:${row.line})`);
  }
}

function checkCounts(ctx, lang, intents, taught, kept) {
  const count = (rows, id) => rows.filter((r) => r.label === id).length;
  for (const id of intents.keys()) {
    const [t, k] = [count(taught, id), count(kept, id)];
    const file = `bot/intents/${lang}.tsv`;
    if (t + k < MIN_PHRASINGS) ctx.fail(file, 1, `${id} has ${t + k} phrasings in both halves, need ${MIN_PHRASINGS}`);
    if (Math.min(t, k) < MIN_HALF) ctx.fail(file, 1, `${id} has ${t} phrasings to learn and ${k} kept out, need ${MIN_HALF} of each`);
  }
  const share = kept.length / (kept.length + taught.length || 1);
  if (share < HALVES[0] || share > HALVES[1]) ctx.fail(`bot/eval/${lang}.tsv`, 1, `${Math.round(share * 100)} % are kept out, need about half`);
}

// The questions of content/eval measure too: nothing taught here may repeat them.
const questions = (ctx, lang) =>
  ctx.lines(`eval/${lang}.tsv`, { tabs: true }).map((row, i) => ({ text: row.split('\t')[1] ?? '', file: `eval/${lang}.tsv`, line: i + 1 }));

export function checkIntents(ctx, langs) {
  const intents = readIntents(ctx, langs);
  let n = 0;
  for (const lang of langs) {
    const taught = readRows(ctx, `bot/intents/${lang}.tsv`, intents);
    const kept = readRows(ctx, `bot/eval/${lang}.tsv`, intents);
    const none = readRows(ctx, `bot/eval/none.${lang}.tsv`, new Set(['none']));
    for (const row of taught) checkHalf(ctx, row, false);
    for (const row of kept) checkHalf(ctx, row, true);
    checkDifferent(ctx, [...taught, ...kept, ...none], ctx.texts.get(lang));
    checkUnlike(ctx, [...kept, ...questions(ctx, lang)], taught, lang);
    checkCounts(ctx, lang, intents, taught, kept);
    if (none.length < MIN_NONE) ctx.fail(`bot/eval/none.${lang}.tsv`, 1, `${none.length} questions, need ${MIN_NONE}`);
    n += taught.length + kept.length;
  }
  return n;
}
