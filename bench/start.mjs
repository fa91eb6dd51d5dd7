// Called by bench/start.sh. Fills a database once, then starts the program several times and asks for /healthz until it answers.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CONVERSATIONS = 100_000;
const MESSAGES_EACH = 5;
const RUNS = 15;
const binary = 'build/stablehand';
const json = process.argv.includes('--json') ? process.argv[process.argv.indexOf('--json') + 1] : null;
const dir = mkdtempSync(join(tmpdir(), 'stablehand-start-'));
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];

function freePort() {
  return new Promise((resolve) => {
    import('node:net').then(({ createServer }) => {
      const s = createServer().listen(0, '127.0.0.1', () => {
        const { port } = s.address();
        s.close(() => resolve(port));
      });
    });
  });
}

/** True when an HTTP answer came. */
function ask(port) {
  return new Promise((resolve) => {
    const s = connect(port, '127.0.0.1', () => s.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
    s.once('data', () => {
      s.destroy();
      resolve(true);
    });
    s.once('error', () => resolve(false));
  });
}

async function start(port) {
  const from = process.hrtime.bigint();
  const child = spawn(binary, ['serve', `--data=${dir}`, `--http.listen=127.0.0.1:${port}`, '--log.level=off'], { stdio: 'ignore' });
  while (!(await ask(port))) {
    if (child.exitCode !== null) throw new Error('the program ended');
  }
  const ms = Number(process.hrtime.bigint() - from) / 1e6;
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const rssKb = Number(/VmRSS:\s+(\d+)/.exec(status)[1]);
  child.kill('SIGTERM');
  await new Promise((resolve) => child.once('exit', resolve));
  return { ms, rssKb };
}

function fill() {
  const sql = `BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${CONVERSATIONS})
INSERT INTO conversations (customer_id, inbox_id, state, handler, priority, topic, language, tags, created_at, updated_at, resolved_at, last_seq, preview, preview_author, preview_kind, preview_at, version)
SELECT i, 1, CASE WHEN i % 100 = 0 THEN 0 ELSE 3 END, 1, 1, '', 'en', '[]', 1700000000000 + i, 1700000000000 + i, 1700000000000 + i, ${MESSAGES_EACH}, 'hello', 0, 0, 1700000000000 + i, 1 FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${CONVERSATIONS * MESSAGES_EACH})
INSERT INTO messages (conversation_id, seq, author_kind, author_id, author_name, kind, is_public, body, n_files, created_at)
SELECT (i - 1) / ${MESSAGES_EACH} + 1, (i - 1) % ${MESSAGES_EACH} + 1, 0, 1, 'x', 0, 1, 'my deposit number ' || i || ' has not arrived 充值没到账', 0, 1700000000000 + i FROM n;
COMMIT;`;
  execFileSync('sqlite3', [join(dir, 'stablehand.db')], { input: sql });
}

try {
  const port = await freePort();
  await start(port); // makes the tables
  fill();
  await start(port); // the search index begins to follow
  const bare = [];
  const runs = [];
  for (let i = 0; i < RUNS; i++) {
    const from = process.hrtime.bigint();
    execFileSync(binary, ['--version']);
    bare.push(Number(process.hrtime.bigint() - from) / 1e6);
    runs.push(await start(port));
  }
  const figures = {
    cold_start_ms: median(runs.map((r) => r.ms)),
    cold_start_max_ms: Math.max(...runs.map((r) => r.ms)),
    bare_process_ms: median(bare),
    resident_mb: median(runs.map((r) => r.rssKb)) / 1024,
    conversations: CONVERSATIONS,
  };
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(20)} ${value.toFixed(1).padStart(12)}`);
  if (json) writeFileSync(json, JSON.stringify({ start: figures }));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
