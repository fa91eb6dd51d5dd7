// Size budgets, gzip JavaScript. First load of an app: what index.html loads plus everything those chunks import statically.
// `also`: dynamic chunks of which one is needed at once as well (the words of the reader's language); the largest counts. Everything else is a lazy chunk
// (that none of those is fetched without a wish for it, only a browser can tell: tests/e2e/the_widget_lives_in_a_strict_page). Prints a table; exit 1 when something is over.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const KB = 1000; // the stricter reading of a kilobyte
const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const apps = [
  { name: 'console', html: 'index.html', first: 180 * KB, lazy: 130 * KB },
  {
    name: 'widget',
    html: 'index.html',
    first: 45 * KB,
    lazy: 130 * KB,
    loader: 3 * KB,
    also: /assets\/(en|zh)-/,
  },
];

const size = (file) => gzipSync(readFileSync(file), { level: 9 }).length;

/** Relative addresses of the chunks that `code` imports before it runs. */
function staticImports(code) {
  return [...code.matchAll(/(?:from|import)\s*["'](\.[^"']+\.js)["']/g)].map((m) => m[1]);
}

function scripts(dir) {
  return readdirSync(dir, { recursive: true })
    .map(String)
    .filter((f) => f.endsWith('.js'))
    .map((f) => f.split('\\').join('/'));
}

let over = 0;
function report(what, bytes, limit) {
  const bad = bytes > limit;
  over += bad ? 1 : 0;
  console.log(
    `${bad ? 'OVER' : 'ok  '} ${what.padEnd(52)} ${(bytes / KB).toFixed(1).padStart(7)} of ${limit / KB} kB`,
  );
}

for (const app of apps) {
  const dir = join(dist, app.name);
  if (!existsSync(join(dir, app.html))) continue;
  const html = readFileSync(join(dir, app.html), 'utf8');
  const first = new Set();
  const visit = (file) => {
    if (first.has(file)) return;
    first.add(file);
    for (const next of staticImports(readFileSync(join(dir, file), 'utf8'))) {
      visit(posix.join(posix.dirname(file), next));
    }
  };
  for (const [, src] of html.matchAll(/<(?:script|link)[^>]+(?:src|href)="([^"]+\.js)"/g)) {
    visit(src.replace(`/${app.name}/`, '').replace(/^\.\//, ''));
  }
  const all = scripts(dir);
  const also = all.filter((f) => app.also?.test(f)).map((f) => size(join(dir, f)));
  report(
    `${app.name}: first load`,
    [...first].reduce((sum, f) => sum + size(join(dir, f)), 0) + Math.max(0, ...also),
    app.first,
  );
  for (const f of all.filter((f) => !first.has(f))) {
    const isLoader = app.loader && /(^|\/)(loader|widget)[^/]*\.js$/.test(f) && !f.startsWith('assets/');
    report(`${app.name}: ${f}`, size(join(dir, f)), isLoader ? app.loader : app.lazy);
  }
}
process.exit(over ? 1 : 0);
