// The rules of the starter content (content/README.md says them in prose). Pure but for reading files.
// Each check_* reports through `ctx.fail(file, line, text)` and goes on, so that one run shows everything.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { MAX_LIKENESS, features, fold, likeness } from './alike.mjs';
import { checkIntents } from './intents.mjs';

export const LANGS = ['en', 'zh-CN'];
const FIELDS = ['title', 'category', 'order', 'summary', 'risk', 'answer', 'phrasings'];
const RISKS = ['none', 'money'];
const MAX = { title: 80, summary: 200, answer: 700, phrasing: 120, slug: 64, canned_title: 60, canned_body: 1000, text: 600 };
const MIN_ANSWER = 60;
const PHRASINGS = [5, 24];
const BODY = { en: [120, 500], 'zh-CN': [240, 900] }; // words; characters without white space
const MIN_ARTICLES = 24;
const MIN_CANNED = 15;
const MIN_QUESTIONS = { answered: 60, none: 20 };
const VARIABLES = {
  article: ['brand'],
  canned: ['brand', 'customer.name', 'agent.name'],
  phrases: ['brand', 'customer.name', 'agent.name', 'position', 'minutes', 'title', 'percent'],
};
const SLUG = /^[a-z][a-z0-9-]*$/;

const chars = (s) => [...s].length;

class Context {
  constructor(root) {
    this.root = resolve(root);
    this.errors = [];
    this.categories = new Map(); // slug -> number of articles
    this.articles = new Map(); // slug -> { lang: article }
    this.texts = new Map(LANGS.map((l) => [l, new Map()])); // lang -> folded phrasing -> { slug, file, line, text }
  }

  fail(file, line, text) {
    this.errors.push(`${relative(process.cwd(), join(this.root, file))}:${line}: ${text}`);
  }

  has(file) {
    return existsSync(join(this.root, file));
  }

  list(dir) {
    return this.has(dir) ? readdirSync(join(this.root, dir)).sort() : [];
  }

  // The lines of a text file without the final newline; [] when it cannot be read.
  lines(file, { tabs = false } = {}) {
    if (!this.has(file)) {
      this.fail(file, 1, 'missing');
      return [];
    }
    let text;
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(join(this.root, file)));
    } catch {
      this.fail(file, 1, 'not valid UTF-8');
      return [];
    }
    if (!text.endsWith('\n')) this.fail(file, 1, 'last line has no newline');
    const lines = text.replace(/\n$/, '').split('\n');
    lines.forEach((line, i) => {
      if (/\r/.test(line)) this.fail(file, i + 1, 'carriage return');
      if (/\t/.test(line) && !tabs) this.fail(file, i + 1, 'tab');
      if (/[ \u3000]$/.test(line)) this.fail(file, i + 1, 'trailing space');
      if (/[\ufeff\u00ad\u200b-\u200f\u202a-\u202e\u2066-\u2069]/.test(line)) {
        this.fail(file, i + 1, 'invisible or direction-changing character');
      }
    });
    return lines;
  }

  json(file) {
    const text = this.lines(file).join('\n');
    if (text === '') return undefined;
    try {
      return JSON.parse(text);
    } catch (e) {
      const at = /position (\d+)/.exec(e.message);
      this.fail(file, at ? text.slice(0, Number(at[1])).split('\n').length : 1, e.message);
      return undefined;
    }
  }

  variables(file, line, text, kind) {
    for (const m of text.matchAll(/\{\{([^}]*)\}?\}?/g)) {
      if (!m[0].endsWith('}}') || !VARIABLES[kind].includes(m[1])) this.fail(file, line, `unknown variable ${m[0]}`);
    }
  }
}

function checkCategories(ctx) {
  const file = 'categories.json';
  const list = ctx.json(file);
  if (!Array.isArray(list)) return ctx.fail(file, 1, 'must be a list');
  for (const c of list) {
    if (!SLUG.test(c.slug ?? '')) ctx.fail(file, 1, `bad slug ${JSON.stringify(c.slug)}`);
    if (!SLUG.test(c.icon ?? '')) ctx.fail(file, 1, `category ${c.slug}: bad icon`);
    if (ctx.categories.has(c.slug)) ctx.fail(file, 1, `category ${c.slug} twice`);
    ctx.categories.set(c.slug, 0);
    for (const key of ['name', 'description']) {
      for (const lang of LANGS) {
        const text = c[key]?.[lang];
        if (!text) ctx.fail(file, 1, `category ${c.slug}: no ${key} in ${lang}`);
        else ctx.variables(file, 1, text, 'article');
      }
    }
  }
}

// A value must mean the same to our parser (verbatim to the end of the line) and to any YAML reader.
function checkScalar(ctx, file, line, key, value) {
  if (value === '') ctx.fail(file, line, `${key} is empty`);
  if (value !== value.trim() || /\s{2,}/.test(value)) ctx.fail(file, line, `${key} has stray spaces`);
  if (/: |:$| #/.test(value)) ctx.fail(file, line, `${key} contains ": " or " #", which YAML reads differently`);
  if (/^[-?:,[\]{}#&*!|>'"%@`]/.test(value)) ctx.fail(file, line, `${key} starts with a YAML sign`);
}

function parseHead(ctx, art, key, value, line) {
  const { file } = art;
  if (!FIELDS.includes(key)) ctx.fail(file, line, `unknown field ${key}`);
  if (key in art.at) ctx.fail(file, line, `field ${key} twice`);
  art.at[key] = line;
  if (key === 'answer') {
    if (value !== '|') ctx.fail(file, line, 'answer must be written as "answer: |" and indented lines');
  } else if (key === 'phrasings') {
    if (value !== '') ctx.fail(file, line, 'phrasings must be a list of "  - text" lines');
  } else {
    checkScalar(ctx, file, line, key, value);
    art.fields[key] = value;
  }
}

function parseArticle(ctx, file) {
  const lines = ctx.lines(file);
  const art = { file, fields: {}, at: {}, phrasings: [], answer: '', bodyAt: 1, body: '' };
  if (lines[0] !== '---') {
    ctx.fail(file, 1, 'first line must be ---');
    return art;
  }
  let i = 1;
  let key = '';
  for (; i < lines.length && lines[i] !== '---'; i++) {
    const line = lines[i];
    const head = /^([a-z_]+):(?: (.*))?$/.exec(line);
    if (head) {
      key = head[1];
      parseHead(ctx, art, key, head[2] ?? '', i + 1);
    } else if (key === 'phrasings' && line.startsWith('  - ')) {
      art.phrasings.push({ text: line.slice(4), line: i + 1 });
    } else if (key === 'answer' && (line === '' || line.startsWith('  '))) {
      art.answer += `${line.slice(2)}\n`;
    } else {
      ctx.fail(file, i + 1, `does not belong to the front matter: ${JSON.stringify(line.slice(0, 40))}`);
    }
  }
  if (i === lines.length) ctx.fail(file, 1, 'front matter is not closed by ---');
  art.bodyAt = i + 2;
  art.body = lines.slice(i + 1).join('\n');
  art.answer = art.answer.trim();
  lines.forEach((line, n) => ctx.variables(file, n + 1, line, 'article'));
  return art;
}

function checkFields(ctx, art) {
  const { file, fields, at } = art;
  for (const key of FIELDS) if (!(key in at)) ctx.fail(file, 1, `field ${key} is missing`);
  const present = FIELDS.filter((k) => k in at);
  if (present.some((k, n) => n > 0 && at[k] < at[present[n - 1]])) ctx.fail(file, 2, `the order of fields is: ${FIELDS.join(' ')}`);
  for (const key of ['title', 'summary']) {
    const n = chars(fields[key] ?? '');
    if (n > MAX[key]) ctx.fail(file, at[key], `${key} has ${n} characters, limit ${MAX[key]}`);
  }
  const n = chars(art.answer);
  if (n > MAX.answer) ctx.fail(file, at.answer ?? 1, `answer has ${n} characters, limit ${MAX.answer}`);
  if (n < MIN_ANSWER) ctx.fail(file, at.answer ?? 1, `answer has ${n} characters: too short to stand alone`);
  if (!RISKS.includes(fields.risk)) ctx.fail(file, at.risk ?? 1, `risk must be ${RISKS.join(' or ')}`);
  if (!/^[1-9][0-9]{0,3}$/.test(fields.order ?? '')) ctx.fail(file, at.order ?? 1, 'order must be 1-9999');
  if (!ctx.categories.has(fields.category)) ctx.fail(file, at.category ?? 1, `no category ${fields.category}`);
}

function checkPhrasings(ctx, art, slug, lang) {
  const { file, at, phrasings } = art;
  const [lo, hi] = PHRASINGS;
  if (phrasings.length < lo || phrasings.length > hi) {
    ctx.fail(file, at.phrasings ?? 1, `${phrasings.length} phrasings, need ${lo}-${hi}`);
  }
  const texts = ctx.texts.get(lang);
  for (const { text, line } of [{ text: art.fields.title ?? '', line: at.title ?? 1 }, ...phrasings]) {
    if (line !== at.title) checkScalar(ctx, file, line, 'phrasing', text);
    if (chars(text) > MAX.phrasing) ctx.fail(file, line, `phrasing over ${MAX.phrasing} characters`);
    const other = texts.get(fold(text));
    if (other) ctx.fail(file, line, `"${text}" is also in ${other.slug} (line ${other.line})`);
    else texts.set(fold(text), { slug, file, line, text });
  }
}

// CommonMark opens and closes emphasis by what stands beside it: "**网络。**两边" stays literal, since the closing ** comes after
// punctuation and before a letter. Chinese, written without spaces, falls into this easily.
function checkFlanking(ctx, file, line, prose) {
  const isSpace = (c) => c === undefined || /\s/u.test(c);
  const isPunct = (c) => c !== undefined && /[\p{P}\p{S}]/u.test(c);
  let isOpen = false;
  for (const m of prose.matchAll(/\*{1,2}/g)) {
    const before = [...prose.slice(0, m.index)].pop();
    const after = [...prose.slice(m.index + m[0].length)][0];
    if (m.index === 0 && m[0] === '*' && after === ' ') continue; // a list
    isOpen = !isOpen;
    const [inner, outer] = isOpen ? [after, before] : [before, after];
    if (isSpace(inner) || (isPunct(inner) && !isSpace(outer) && !isPunct(outer))) {
      ctx.fail(file, line, `${m[0]} ${isOpen ? 'opens' : 'closes'} no emphasis before or after "${inner}" (CommonMark flanking)`);
    }
  }
}

function checkMarkdown(ctx, file, firstLine, text, { headings }) {
  const links = [];
  let columns = 0;
  text.split('\n').forEach((line, i) => {
    const at = firstLine + i;
    const prose = line.replace(/`[^`]*`/g, 'x');
    checkFlanking(ctx, file, at, prose);
    if (/`/.test(prose)) ctx.fail(file, at, 'backtick without its partner');
    if (/<[A-Za-z/!?]/.test(prose)) ctx.fail(file, at, 'raw HTML');
    if (/!\[/.test(prose)) ctx.fail(file, at, 'images are not allowed');
    if ((prose.match(/\*\*/g) ?? []).length % 2) ctx.fail(file, at, '** without its partner');
    if (/^#/.test(line) && !(headings && /^#{2,3} \S/.test(line))) {
      ctx.fail(file, at, headings ? 'headings are ## or ###' : 'no headings here');
    }
    const cells = /^\|/.test(line) ? line.split('|').length - 2 : 0;
    if (cells && !/\|$/.test(line)) ctx.fail(file, at, 'table row does not end with |');
    if (cells && columns && cells !== columns) ctx.fail(file, at, `table row has ${cells} cells, expected ${columns}`);
    columns = cells;
    for (const m of prose.matchAll(/\[([^\]]*)\]\(([^)]*)\)/g)) links.push({ text: m[1], to: m[2], line: at });
  });
  if (headings && !/^## /m.test(text)) ctx.fail(file, firstLine, 'body has no ## heading');
  return links;
}

function checkBody(ctx, art, slug, lang) {
  const { file, body, bodyAt } = art;
  const size = lang === 'en' ? (body.match(/\S+/g) ?? []).length : chars(body.replace(/\s+/g, ''));
  const [lo, hi] = BODY[lang];
  const unit = lang === 'en' ? 'words' : 'characters';
  if (size < lo || size > hi) ctx.fail(file, bodyAt, `body has ${size} ${unit}, need ${lo}-${hi}`);
  const slugs = ctx.list('articles');
  for (const l of checkMarkdown(ctx, file, bodyAt, body, { headings: true })) {
    if (!slugs.includes(l.to) && !/^https:\/\/\S+$/.test(l.to)) ctx.fail(file, l.line, `link to unknown article ${l.to}`);
    if (l.to === slug) ctx.fail(file, l.line, 'link to itself');
    if (!l.text) ctx.fail(file, l.line, 'link without text');
  }
  for (const l of checkMarkdown(ctx, file, (art.at.answer ?? 0) + 1, art.answer, { headings: false })) {
    ctx.fail(file, l.line, 'answers carry no links');
  }
}

const shape = (body) => ({
  headings: (body.match(/^##+ /gm) ?? []).length,
  'table rows': (body.match(/^\|/gm) ?? []).length,
  'article links': (body.match(/\]\([a-z0-9-]+\)/g) ?? []).sort().join(' '),
});

// What both languages of an article must have in common.
function checkPair(ctx, pair) {
  const [first, ...others] = LANGS.map((l) => pair[l]);
  for (const art of others) {
    for (const key of ['category', 'order', 'risk']) {
      if (art.fields[key] !== first.fields[key]) {
        ctx.fail(art.file, art.at[key] ?? 1, `${key} is ${art.fields[key]}, but ${first.fields[key]} in ${LANGS[0]}`);
      }
    }
    const [a, b] = [shape(first.body), shape(art.body)];
    for (const key of Object.keys(a)) {
      if (a[key] !== b[key]) ctx.fail(art.file, art.bodyAt, `${key} differ: ${b[key]} here, ${a[key]} in ${LANGS[0]}`);
    }
  }
}

function checkArticles(ctx) {
  const places = new Map();
  for (const slug of ctx.list('articles')) {
    const dir = `articles/${slug}`;
    if (!SLUG.test(slug) || slug.length > MAX.slug || slug === 'none') ctx.fail(dir, 1, 'bad slug');
    for (const f of ctx.list(dir)) if (!LANGS.some((l) => f === `${l}.md`)) ctx.fail(`${dir}/${f}`, 1, 'unexpected file');
    const pair = {};
    for (const lang of LANGS) {
      const art = parseArticle(ctx, `${dir}/${lang}.md`);
      checkFields(ctx, art);
      checkPhrasings(ctx, art, slug, lang);
      checkBody(ctx, art, slug, lang);
      pair[lang] = art;
    }
    checkPair(ctx, pair);
    ctx.articles.set(slug, pair);
    const { file, fields, at } = pair[LANGS[0]];
    const place = `${fields.category}/${fields.order}`;
    if (places.has(place)) ctx.fail(file, at.order ?? 1, `same category and order as ${places.get(place)}`);
    places.set(place, slug);
    ctx.categories.set(fields.category, (ctx.categories.get(fields.category) ?? 0) + 1);
  }
  if (ctx.articles.size < MIN_ARTICLES) ctx.fail('articles', 1, `${ctx.articles.size} articles, need ${MIN_ARTICLES}`);
  for (const [slug, n] of ctx.categories) if (n === 0) ctx.fail('categories.json', 1, `category ${slug} has no article`);
}

function checkCanned(ctx) {
  const shortcuts = LANGS.map((lang) => {
    const file = `canned/${lang}.json`;
    const list = ctx.json(file);
    if (!Array.isArray(list)) return '';
    if (list.length < MIN_CANNED) ctx.fail(file, 1, `${list.length} canned replies, need ${MIN_CANNED}`);
    const names = list.map((c) => c.shortcut);
    list.forEach((c, i) => {
      const what = `entry ${i + 1}`;
      if (Object.keys(c).join() !== 'shortcut,title,body') ctx.fail(file, 1, `${what}: keys must be shortcut, title, body`);
      if (!SLUG.test(c.shortcut ?? '') || c.shortcut.length > 32) ctx.fail(file, 1, `${what}: bad shortcut`);
      if (names.indexOf(c.shortcut) !== i) ctx.fail(file, 1, `${what}: shortcut ${c.shortcut} twice`);
      if (!c.title || chars(c.title) > MAX.canned_title) ctx.fail(file, 1, `${what}: title empty or too long`);
      if (!c.body || chars(c.body) > MAX.canned_body) ctx.fail(file, 1, `${what}: body empty or too long`);
      ctx.variables(file, 1, `${c.title} ${c.body}`, 'canned');
      checkMarkdown(ctx, file, 1, c.body ?? '', { headings: false });
    });
    return names.join();
  });
  if (new Set(shortcuts).size > 1) ctx.fail(`canned/${LANGS[1]}.json`, 1, `shortcuts differ from ${LANGS[0]}`);
}

function checkPhraseTexts(ctx, file, lang, texts) {
  for (const [key, text] of Object.entries(texts)) {
    if (typeof text !== 'string' || !text || chars(text) > MAX.text) {
      ctx.fail(file, 1, `${lang}.texts.${key}: not a text of 1-${MAX.text} characters`);
      continue;
    }
    ctx.variables(file, 1, text, 'phrases');
    checkMarkdown(ctx, file, 1, text, { headings: false });
  }
}

function checkPhraseWords(ctx, file, lang, words) {
  for (const [key, list] of Object.entries(words)) {
    if (!Array.isArray(list) || list.length === 0) {
      ctx.fail(file, 1, `${lang}.words.${key}: not a list`);
      continue;
    }
    for (const w of list) {
      if (typeof w !== 'string' || !w || w !== w.normalize('NFKC').toLowerCase().trim()) {
        ctx.fail(file, 1, `${lang}.words.${key}: ${JSON.stringify(w)} is not folded (NFKC, lower case)`);
      }
    }
    if (new Set(list).size !== list.length) ctx.fail(file, 1, `${lang}.words.${key}: a word twice`);
  }
}

function checkPhrases(ctx) {
  const file = 'phrases.json';
  const all = ctx.json(file) ?? {};
  const variables = (s) => (String(s).match(/\{\{[^}]*\}\}/g) ?? []).sort().join();
  const keys = LANGS.map((lang) => {
    const { texts = {}, words = {} } = all[lang] ?? {};
    if (!Object.keys(texts).length || !Object.keys(words).length) ctx.fail(file, 1, `${lang}: texts or words missing`);
    checkPhraseTexts(ctx, file, lang, texts);
    checkPhraseWords(ctx, file, lang, words);
    return JSON.stringify([Object.keys(texts), Object.keys(words)]);
  });
  if (new Set(keys).size > 1) ctx.fail(file, 1, 'the languages have different keys');
  for (const [key, text] of Object.entries(all[LANGS[0]]?.texts ?? {})) {
    for (const lang of LANGS) {
      if (variables(text) !== variables(all[lang]?.texts?.[key] ?? '')) ctx.fail(file, 1, `${lang}.texts.${key}: other variables`);
    }
  }
}

// An evaluation that repeats what was taught measures nothing.
function checkEval(ctx, lang) {
  const file = `eval/${lang}.tsv`;
  const taught = [...ctx.texts.get(lang).values()].map((t) => ({ ...t, key: fold(t.text), set: features(t.text, lang) }));
  const seen = new Map();
  const n = { answered: 0, none: 0 };
  ctx.lines(file, { tabs: true }).forEach((row, i) => {
    const [slug, question, ...rest] = row.split('\t');
    if (!question || rest.length) return ctx.fail(file, i + 1, 'expected slug<TAB>question');
    if (slug !== 'none' && !ctx.articles.has(slug)) ctx.fail(file, i + 1, `no article ${slug}`);
    n[slug === 'none' ? 'none' : 'answered']++;
    const key = fold(question);
    if (seen.has(key)) ctx.fail(file, i + 1, `same question as line ${seen.get(key)}`);
    seen.set(key, i + 1);
    const set = features(question, lang);
    const copy = taught.find((t) => t.key === key || likeness(t.set, set) > MAX_LIKENESS);
    if (copy) ctx.fail(file, i + 1, `too like the phrasing "${copy.text}" of ${copy.slug}`);
    return undefined;
  });
  for (const kind of Object.keys(n)) {
    if (n[kind] < MIN_QUESTIONS[kind]) ctx.fail(file, 1, `${n[kind]} ${kind} questions, need ${MIN_QUESTIONS[kind]}`);
  }
}

export function checkContent(root) {
  const ctx = new Context(root);
  checkCategories(ctx);
  checkArticles(ctx);
  checkCanned(ctx);
  checkPhrases(ctx);
  for (const lang of LANGS) checkEval(ctx, lang);
  const nPhrasings = checkIntents(ctx, LANGS);
  return { errors: ctx.errors, nArticles: ctx.articles.size, nPhrasings };
}
