/** What a stranger may send to the whole program: each route with nonsense, sockets with broken frames, paths with tricks, tokens that were bent, script in every text,
 * a thousand connections that never finish. Refused with a problem document or made harmless; the others are served; memory stays where it was. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';

import { clientId, Desk, type AgentClient } from './desk.js';
import { expectStatus, HttpClient } from './http.js';
import { SocketClient } from './sockets.js';
import { openapi } from './spec.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

const residentMb = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${desk.server.pid}/status`, 'utf8'))![1]) / 1024;
const cookieOf = (client: AgentClient) => [...client.cookies].map(([k, v]) => `${k}=${v}`).join('; ');

/** Every operation that takes JSON, with some id in its path. */
const writes: { method: string; path: string }[] = [];
for (const [template, operations] of Object.entries<any>(openapi.paths)) {
  for (const [method, operation] of Object.entries<any>(operations)) {
    const body = operation.requestBody?.$ref ? openapi.components.requestBodies[operation.requestBody.$ref.split('/').pop()] : operation.requestBody;
    if (body?.content?.['application/json']) writes.push({ method: method.toUpperCase(), path: template.replaceAll(/\{\w+\}/g, '1') });
  }
}

const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const nonsense: [string, string | Uint8Array][] = [
  ['nothing', ''],
  ['cut', '{"email":"a'],
  ['deep', nested(2000)],
  ['deep lists', `${'['.repeat(100_000)}`],
  ['invalid UTF-8', Buffer.from('7b226e616d65223a22c3287d', 'hex')],
  ['overlong UTF-8', Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')])],
  ['a surrogate alone', '{"name":"\\ud800"}'],
  ['NUL', '{"name":"a\\u0000b"}'],
  ['twice the same key, wrong types', '{"name":1,"name":[],"email":{},"body":false,"version":"x","ids":7,"conversation_id":[]}'],
  ['a list', '[]'],
  ['a number', '1e999'],
  ['not JSON', '<xml/>'],
];

test('every route that takes JSON refuses nonsense with a problem document, and the server goes on', async () => {
  assert.ok(writes.length > 40, `only ${writes.length} routes found`);
  const wrong: string[] = [];
  for (const { method, path } of writes) {
    for (const [name, body] of nonsense) {
      const response = await fetch(desk.server.url + path, {
        method,
        headers: { 'content-type': 'application/json', cookie: cookieOf(desk.owner), 'x-csrf-token': desk.owner.csrf!, 'if-match': '"v1"', 'idempotency-key': clientId() },
        body: body.length === 0 ? null : typeof body === 'string' ? body : Buffer.from(body), // an empty text on DELETE is an error of node 18's own
      });
      const type = response.headers.get('content-type') ?? '';
      const text = await response.text();
      if (response.status < 400 || response.status >= 500 || !type.startsWith('application/problem+json')) {
        wrong.push(`${method} ${path} with ${name}: ${response.status} ${type} ${text.slice(0, 120)}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
  await expectStatus(200, desk.owner.get('/api/v1/session'));
});

test('a body that is too large is refused before it is read, and takes no memory', async () => {
  const before = residentMb();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      raw(`POST /api/v1/visitor/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 4000000000\r\n\r\n${'x'.repeat(60_000)}`),
    ),
  );
  for (const a of answers) assert.match(a, /^HTTP\/1\.1 413 /);
  const chunked = `POST /api/v1/visitor/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${`10000\r\n${'x'.repeat(65536)}\r\n`.repeat(64)}`;
  assert.match(await raw(chunked), /^HTTP\/1\.1 413 /);
  assert.ok(residentMb() - before < 24, `${before} MB became ${residentMb()} MB`);
});

/** What comes back for these bytes until the server closes or falls silent. */
function raw(bytes: string | Uint8Array, waitMs = 3000): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(desk.server.port, '127.0.0.1');
    let got = '';
    const done = () => {
      socket.destroy();
      resolve(got);
    };
    socket.setTimeout(waitMs, done);
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (d) => {
      got += d.toString('latin1');
      if (/\r\n\r\n/.test(got)) setTimeout(done, 50);
    });
    socket.on('close', done);
    socket.on('error', done);
  });
}

test('requests that two readers could read differently, and heads that never end, are refused', async () => {
  const post = 'POST /api/v1/visitor/session HTTP/1.1\r\nHost: a\r\n';
  const bad: [string, string][] = [
    ['both lengths', `${post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two lengths', `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ['a length with a sign', `${post}Content-Length: +2\r\n\r\n{}`],
    ['white space before the colon', `${post}Content-Length : 2\r\n\r\n{}`],
    ['a folded header', `${post}X-A: 1\r\n b\r\nContent-Length: 2\r\n\r\n{}`],
    ['bare line feeds', 'GET /healthz HTTP/1.1\nHost: a\n\n'],
    ['a head of 100 kB', `GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`],
    ['a thousand headers', `GET /healthz HTTP/1.1\r\nHost: a\r\n${'X-A: 1\r\n'.repeat(1000)}\r\n`],
    ['a chunk size that is none', `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ['bytes of nothing', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ];
  for (const [name, bytes] of bad) {
    const answer = await raw(Buffer.from(bytes, 'latin1'));
    assert.match(answer.split('\r\n')[0] || 'HTTP/1.1 400 closed', /^HTTP\/1\.1 (400|413|431|501) /, name);
  }
});

test('no path leads out of the folders', async () => {
  const paths = [
    '/../../etc/passwd', '/console/../../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/console/%2e%2e%2fsecret.key', '/console/..%5c..%5csecret.key', '//etc/passwd',
    '/help/../secret.key', '/help/en/article/..%2f..%2fsecret.key', '/files/../stablehand.db', '/api/v1/files/..%2fsecret.key', '/console/%00', '/console/secret.key%00.js', '/demo/.../secret.key',
  ];
  for (const path of paths) {
    const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 (302|400|401|404) /, path);
    assert.doesNotMatch(answer, /root:|SQLite format/, path);
  }
});

test('bent tokens open nothing', async () => {
  const visitor = await desk.visitor();
  await visitor.say('hello');
  const bend = (s: string, at: number) => s.slice(0, at) + (s[at] === 'A' ? 'B' : 'A') + s.slice(at + 1);
  for (const token of [bend(visitor.token, 0), bend(visitor.token, visitor.token.length - 1), visitor.token.slice(0, -1), `${visitor.token}A`, '', 'null', 'x'.repeat(9000)]) {
    const client = new HttpClient(desk.server.url);
    client.bearer = token;
    const { status } = await client.get('/api/v1/visitor/conversations');
    assert.ok(status === 401 || status === 431, `${status} for ${token.slice(0, 60)}`);
  }
  const [name, value] = [...desk.owner.cookies].find(([, v]) => v.length > 30)!;
  for (const forged of [bend(value, 3), value.slice(1), visitor.token]) {
    const client = new HttpClient(desk.server.url);
    client.cookies.set(name, forged);
    assert.equal((await client.get('/api/v1/agents')).status, 401);
  }
  const key = await expectStatus<any>(201, desk.owner.post('/api/v1/api-keys', { name: 'k', scopes: ['conversation.read'] }));
  const secret: string = key.key ?? key.secret ?? key.token;
  for (const token of [bend(secret, secret.length - 1), bend(secret, 6), visitor.token]) {
    const client = new HttpClient(desk.server.url);
    client.bearer = token;
    assert.equal((await client.get('/api/v1/conversations')).status, 401);
  }
});

test('a socket with broken frames is closed with the reason, and nobody else notices', async () => {
  const honest = (await desk.visitor()).openSocket();
  await honest.frame('welcome');
  const url = `${desk.server.url.replace('http', 'ws')}/api/v1/visitor/socket`;
  const visitor = await desk.visitor();
  const hello = JSON.stringify({ t: 'hello', token: visitor.token, conversation_id: null, have: 0 });
  const first: [string, string | Uint8Array, number][] = [
    ['not JSON', 'hello?', 4002],
    ['deep JSON', nested(2000), 4002],
    ['binary', Buffer.from([0, 1, 2, 3]), 1003],
    ['a wrong token', hello.replace(visitor.token, `${visitor.token.slice(0, -4)}AAAA`), 4003],
    ['a huge frame', `{"t":"hello","token":"${'x'.repeat(2_000_000)}"}`, 1009],
    ['a wrong kind', '{"t":"constructor"}', 4002],
  ];
  for (const [name, data, code] of first) {
    const socket = new SocketClient(url, 'ToVisitor', null, { origin: desk.server.url });
    await socket.until('open', () => socket.isOpen);
    socket.sendRaw(data);
    assert.equal(await socket.closed(), code, name);
  }
  honest.send({ t: 'typing', on: true });
  honest.close();
  await expectStatus(200, desk.owner.get('/api/v1/session'));
});

test('script in every text stays text: in the API, in pages of the help centre, in the transcript, in names of files', async () => {
  const evil = '<script>alert(1)</script><img src=x onerror=alert(2)>"\'`{{7*7}}';
  const visitor = await desk.visitor({ locale: 'en' });
  const message = await visitor.say(evil);
  const uploaded = await visitor.post<any>(`/api/v1/visitor/files?name=${encodeURIComponent(`${evil}.svg`)}`, Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'));
  assert.equal(uploaded.status, 201);
  const owner = desk.owner;
  const id = message.conversation_id;
  await expectStatus(201, owner.post(`/api/v1/conversations/${id}/messages`, { client_id: clientId(), kind: 'note', body: evil, expect_seq: null }));
  await expectStatus(201, owner.post('/api/v1/teams', { name: evil.slice(0, 60), agent_ids: [] }));
  await expectStatus(201, owner.post('/api/v1/categories', { slug: 'evil', name: { en: evil.slice(0, 60), 'zh-CN': evil.slice(0, 60) }, description: { en: evil, 'zh-CN': evil }, icon: 'lock', position: 1 }));

  // JSON is JSON, and no browser may guess otherwise.
  const listed = await owner.get<any>(`/api/v1/conversations/${id}/messages`);
  assert.match(listed.headers.get('content-type')!, /^application\/json/);
  assert.equal(listed.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(listed.body.items.filter((m: any) => m.body === evil).length, 2, 'what was written is what is kept');

  const file = await fetch(`${desk.server.url}/api/v1/visitor/files/${uploaded.body.id}`, { headers: { authorization: `Bearer ${visitor.token}` } });
  assert.match(file.headers.get('content-type')!, /^text\/plain/, 'an SVG is served as text');
  assert.equal(file.headers.get('x-content-type-options'), 'nosniff');
  assert.doesNotMatch(file.headers.get('content-disposition') ?? '', /<script|[\r\n]/);

  const transcript = await visitor.get<any>(`/api/v1/visitor/conversations/${id}/transcript`);
  assert.match(transcript.headers.get('content-type')!, /^text\/plain/);

  for (const path of ['/help/en', '/help/en/category/evil', `/help/en/search?q=${encodeURIComponent(evil)}`, `/widget/frame?inbox=${encodeURIComponent(evil)}`, `/console/${encodeURIComponent(evil.replaceAll('/', ''))}`]) {
    const page = await fetch(desk.server.url + path);
    const html = await page.text();
    assert.doesNotMatch(html, /<script>alert|<img src=x/, path);
    assert.match(page.headers.get('content-security-policy') ?? '', /script-src|default-src/, path);
  }
});

test('a thousand connections that never finish leave room for the honest, and their memory comes back', async () => {
  const idle = residentMb();
  const slow: Socket[] = [];
  for (let i = 0; i < 1000; i++) {
    const socket = connect(desk.server.port, '127.0.0.1', () => socket.write(`POST /api/v1/visitor/session HTTP/1.1\r\nHost: a\r\nX-Part: ${'a'.repeat(i % 400)}`));
    socket.on('error', () => undefined);
    slow.push(socket);
  }
  for (let i = 0; i < 20; i++) {
    await new Promise((r) => setTimeout(r, 25));
    await expectStatus(200, desk.owner.get('/api/v1/session'));
  }
  const full = residentMb();
  assert.ok(full - idle < 64, `${idle} MB became ${full} MB`);
  for (const s of slow) s.destroy();
  await (await desk.visitor()).say('still here');
});
