// web/dist/api-docs/: a page to read spec/openapi.yaml, plain HTML without scripts, and the file itself.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const source = fileURLToPath(new URL('../../spec/openapi.yaml', import.meta.url));
const out = fileURLToPath(new URL('../dist/api-docs/', import.meta.url));
const spec = parse(readFileSync(source, 'utf8'), { merge: true });

const escape = (text) =>
  String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const prose = (text) => escape(text ?? '').replace(/`([^`]+)`/g, '<code>$1</code>');
const nameOf = (ref) => ref.split('/').pop();
const deref = (x) =>
  x?.$ref
    ? x.$ref
        .slice(2)
        .split('/')
        .reduce((o, k) => o[k], spec)
    : x;

function limits(s) {
  const parts = [];
  if (s.enum) parts.push(s.enum.map((v) => JSON.stringify(v)).join(' | '));
  for (const key of [
    'format',
    'pattern',
    'minLength',
    'maxLength',
    'minimum',
    'maximum',
    'minItems',
    'maxItems',
    'default',
  ]) {
    if (s[key] !== undefined) parts.push(`${key} ${JSON.stringify(s[key])}`);
  }
  return parts.length ? ` <small>${escape(parts.join(', '))}</small>` : '';
}

/** A schema in one line, or as a list of its fields. */
function schemaHtml(s) {
  if (!s) return '';
  if (s.$ref) return `<a href="#schema-${nameOf(s.$ref)}">${nameOf(s.$ref)}</a>`;
  if (s.oneOf) return s.oneOf.map(schemaHtml).join(' or ');
  if (s.type === 'array') return `list of ${schemaHtml(s.items)}${limits(s)}`;
  if (s.properties) {
    const required = new Set(s.required ?? []);
    const rows = Object.entries(s.properties).map(
      ([k, v]) =>
        `<li><code>${escape(k)}</code>${required.has(k) ? '' : ' <em>optional</em>'}: ${schemaHtml(v)}${v.description ? ` — ${prose(v.description)}` : ''}</li>`,
    );
    return `<ul>${rows.join('')}</ul>`;
  }
  const type = Array.isArray(s.type) ? s.type.join(' or ') : (s.type ?? 'any');
  return `${escape(type)}${limits(s)}`;
}

function contentHtml(content) {
  return Object.entries(content ?? {})
    .map(([type, c]) => `<div class="content"><small>${escape(type)}</small> ${schemaHtml(c.schema)}</div>`)
    .join('');
}

function operationHtml(path, method, op) {
  const parameters = (op.parameters ?? [])
    .map(deref)
    .map(
      (p) =>
        `<li><code>${escape(p.name)}</code> <small>${p.in}</small>${p.required ? '' : ' <em>optional</em>'}: ${schemaHtml(p.schema)}</li>`,
    );
  const responses = Object.entries(op.responses).map(([status, r]) => {
    const full = deref(r);
    return `<dt>${status}</dt><dd>${prose(full.description)}${contentHtml(full.content)}</dd>`;
  });
  const facts = [`${op['x-auth']} access`, op['x-permission'] && `permission ${op['x-permission']}`].filter(
    Boolean,
  );
  return `<section id="${op.operationId}"><h3><span class="method ${method}">${method.toUpperCase()}</span> <code>${escape(path)}</code></h3>
<p>${prose(op.summary)}</p><p class="facts">${escape(facts.join(' · '))}</p>
${parameters.length ? `<h4>Parameters</h4><ul>${parameters.join('')}</ul>` : ''}
${op.requestBody ? `<h4>Body</h4>${contentHtml(op.requestBody.content)}` : ''}
<h4>Answers</h4><dl>${responses.join('')}</dl></section>`;
}

const operations = Object.entries(spec.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, op]) => ({ path, method, op })),
);
const groups = spec.tags.map(({ name }) => ({
  name,
  list: operations.filter((o) => o.op.tags?.includes(name)),
}));
const [lead, ...rules] = spec.info.description.trim().split('\n\n');
const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(spec.info.title)}</title><link rel="stylesheet" href="/api-docs/style.css"></head>
<body><a class="skip" href="#main">Skip to the operations</a>
<nav aria-label="Operations"><p><strong>${escape(spec.info.title)}</strong> ${escape(spec.info.version)}<br><a href="/api/openapi.yaml">openapi.yaml</a></p>
${groups.map((g) => `<h2>${g.name}</h2><ul>${g.list.map((o) => `<li><a href="#${o.op.operationId}"><span class="method ${o.method}">${o.method}</span> ${escape(o.path.replace('/api/v1', ''))}</a></li>`).join('')}</ul>`).join('')}
</nav><main id="main"><h1>${escape(spec.info.title)}</h1><p>${prose(lead)}</p>
<ul>${rules
  .join('\n')
  .split(/^- /m)
  .filter(Boolean)
  .map((r) => `<li>${prose(r)}</li>`)
  .join('')}</ul>
${groups.map((g) => `<h2>${g.name}</h2>${g.list.map((o) => operationHtml(o.path, o.method, o.op)).join('')}`).join('')}
<h2>Schemas</h2>${Object.entries(spec.components.schemas)
  .map(
    ([n, s]) =>
      `<section id="schema-${n}"><h3>${n}</h3>${s.description ? `<p>${prose(s.description)}</p>` : ''}${schemaHtml(s)}</section>`,
  )
  .join('')}
</main></body></html>
`;

const css = `:root{color-scheme:light dark;--line:light-dark(#e3e6eb,#262d38);--soft:light-dark(#f6f7f9,#181d26);--ink2:light-dark(#485162,#b3bccb)}
*{box-sizing:border-box}body{display:grid;grid-template-columns:320px minmax(0,1fr);margin:0;font:15px/1.55 system-ui,"PingFang SC","Noto Sans CJK SC",sans-serif}
nav{position:sticky;top:0;height:100vh;padding:20px;overflow:auto;border-inline-end:1px solid var(--line);background:var(--soft);font-size:13px}
nav ul{padding:0;list-style:none}nav a{display:block;padding:2px 0;color:inherit;text-decoration:none;overflow-wrap:anywhere}nav p a{display:inline;text-decoration:underline}
main{max-width:900px;padding:24px 32px}section{padding:16px 0;border-bottom:1px solid var(--line)}h3{margin:0 0 6px;overflow-wrap:anywhere}h4{margin:12px 0 4px}
code{font:13px ui-monospace,Menlo,monospace;overflow-wrap:anywhere}ul{padding-inline-start:20px}.method{display:inline-block;min-width:52px;font:600 11px ui-monospace,monospace;text-transform:uppercase;color:light-dark(#1f5bd8,#7ba4ff)}
.post,.put,.patch{color:light-dark(#9a5b00,#f0b35a)}.delete{color:light-dark(#c0272d,#ff8a8f)}.facts,small,em{color:var(--ink2)}dt{font-weight:600}dd{margin-inline-start:20px}
.skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;padding:8px;background:canvas}@media(max-width:800px){body{display:block}nav{position:static;height:auto;max-height:40vh}main{padding:16px}}
`;

mkdirSync(out, { recursive: true });
writeFileSync(`${out}index.html`, html);
writeFileSync(`${out}style.css`, css);
copyFileSync(source, `${out}openapi.yaml`);
