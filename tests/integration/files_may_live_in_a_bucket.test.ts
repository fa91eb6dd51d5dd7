/** Uploads of a desk whose files are in an S3-compatible bucket: seen by every node, streamed with ranges, and an error where the store fails, never a short file. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Bucket } from './bucket.js';
import { Desk, type Visitor } from './desk.js';
import { expectStatus } from './http.js';
import { binary } from './server.js';

let bucket: Bucket;
let desk: Desk;
let visitor: Visitor;
before(async () => {
  bucket = await Bucket.start();
  desk = await Desk.start({ settings: bucket.settings('uploads') });
  visitor = await desk.visitor();
});
after(async () => {
  await desk?.dispose();
  await bucket?.stop();
});

const { STABLEHAND_BIN, ...clean } = process.env;
function run(args: string[]) {
  const { status, signal, stdout, stderr } = spawnSync(binary, args, { env: clean, encoding: 'utf8', timeout: 60_000 });
  return { status: status ?? signal, stdout, stderr };
}
const sample = (size: number) => Buffer.from(randomBytes(size / 2).toString('hex'));
const upload = (bytes: Buffer, name = 'proof.txt') => visitor.call('POST', `/api/v1/visitor/files?name=${name}`, new Uint8Array(bytes));
function get(id: string, headers: Record<string, string> = {}) {
  return fetch(`${desk.server.url}/api/v1/visitor/files/${id}`, { headers: { authorization: `Bearer ${visitor.token}`, ...headers } });
}

test('what was uploaded comes back, whole and in parts', async () => {
  const bytes = sample(6_000_000);
  const file = await expectStatus<any>(201, upload(bytes));
  const whole = await get(file.id);
  assert.deepEqual([whole.status, whole.headers.get('content-length')], [200, '6000000']);
  assert.ok(Buffer.from(await whole.arrayBuffer()).equals(bytes));
  const tag = whole.headers.get('etag')!;
  const part = await get(file.id, { range: 'bytes=5000000-', 'if-range': tag });
  assert.deepEqual([part.status, part.headers.get('content-range')], [206, 'bytes 5000000-5999999/6000000']);
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(5_000_000)));
  const outside = await get(file.id, { range: 'bytes=6000000-' });
  assert.deepEqual([outside.status, (await outside.arrayBuffer()).byteLength], [416, 0]);
  assert.equal((await get(file.id, { 'if-none-match': tag })).status, 304);
  assert.deepEqual(readdirSync(join(desk.server.dir, 'spool')), [], 'nothing is left where uploads wait');
  const many = await Promise.all(Array.from({ length: 4 }, async () => Buffer.from(await (await get(file.id)).arrayBuffer())));
  assert.ok(many.every((b) => b.equals(bytes)));
});

test('a store that breaks in the middle is gone on with; one that stays broken cuts the answer', async () => {
  const bytes = sample(3_000_000);
  const file = await expectStatus<any>(201, upload(bytes, 'broken.txt'));
  await bucket.order('cut 500000 2');
  assert.ok(Buffer.from(await (await get(file.id)).arrayBuffer()).equals(bytes));
  await bucket.order('cut 300000 1000');
  const cut = await get(file.id);
  await assert.rejects(cut.arrayBuffer(), 'a part must not pass for the whole');
  await bucket.order('cut 0 0');
});

test('before the first byte a failing store is an answer of its own, without names of hosts', async () => {
  const file = await expectStatus<any>(201, upload(sample(1000), 'small.txt'));
  await bucket.order('status 503 2');
  assert.equal((await get(file.id)).status, 200);
  await bucket.order('status 403 1000');
  const refused = await get(file.id);
  const problem: any = await refused.json();
  assert.deepEqual([refused.status, problem.code], [503, 'file_store']);
  assert.doesNotMatch(JSON.stringify(problem), /127\.0\.0\.1|s3|uploads/);
  const stored = await upload(sample(2000), 'not.txt');
  assert.equal(stored.status, 503);
  await bucket.order('status 403 0');
  assert.equal((await fetch(`${desk.server.url}/readyz`)).status, 200, 'the desk goes on');
});

test('a wrong secret is refused, and the doctor names it', () => {
  const data = mkdtempSync(join(tmpdir(), 'stablehand-s3-'));
  const good = run(['doctor', `--data=${desk.server.dir}`, ...bucket.settings('uploads')]);
  assert.match(good.stdout, /^ok +files +s3:\/\/desk\/uploads\/ at 127\.0\.0\.1:\d+: written, read and removed$/m);
  const bad = run(['doctor', `--data=${desk.server.dir}`, ...bucket.settings('uploads', 'wrong')]);
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /^BAD +files +the file store does not accept the secret key \(SignatureDoesNotMatch\)$/m);
  writeFileSync(join(data, 'secret'), `${bucket.secretKey}\n`, { mode: 0o600 });
  const fromFile = [...bucket.settings('uploads').filter((s) => !s.includes('secret_key')), `--files.s3_secret_file=${join(data, 'secret')}`];
  assert.match(run(['doctor', `--data=${desk.server.dir}`, ...fromFile]).stdout, /^ok +files /m);
  rmSync(data, { recursive: true });
});

test('a folder is copied into a bucket, verified, and copied again without work', () => {
  const data = mkdtempSync(join(tmpdir(), 'stablehand-s3-'));
  const folder = join(data, 'files');
  const blobs = Array.from({ length: 5 }, (_, i) => sample(1000 * (i + 1)));
  const name = (b: Buffer) => createHash('sha256').update(b).digest('hex');
  for (const b of blobs) {
    const dir = join(folder, name(b).slice(0, 2));
    spawnSync('mkdir', ['-p', dir]);
    writeFileSync(join(dir, name(b)), b);
  }
  const copy = (...more: string[]) => run(['files', 'copy', `--data=${data}`, ...bucket.settings('moved').slice(1), ...more]);
  const first = copy(`--from=file:${folder}`, '--to=s3://desk/moved', '--verify');
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /: 5 copied \(15000 bytes\), 0 there already, all read back and hashed, 0 bad$/m);
  const again = copy(`--from=file:${folder}`, '--to=s3://desk/moved');
  assert.match(again.stdout, /: 0 copied \(0 bytes\), 5 there already, 0 bad$/m);
  const back = join(data, 'back');
  assert.match(copy('--from=s3://desk/moved', `--to=file:${back}`).stdout, /: 5 copied/);
  assert.deepEqual(readdirSync(back).filter((n) => n !== 'tmp').sort(), readdirSync(folder).filter((n) => n !== 'tmp').sort());
  writeFileSync(join(folder, name(blobs[0]!).slice(0, 2), name(blobs[0]!)), 'went bad on the disk');
  const damaged = copy(`--from=file:${folder}`, '--to=s3://desk/other');
  assert.equal(damaged.status, 1);
  assert.match(damaged.stderr, new RegExp(`bad: ${name(blobs[0]!)}`));
  assert.match(damaged.stdout, /: 4 copied .* 1 bad$/m);
  rmSync(data, { recursive: true });
});
