import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';

import { Desk } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

test('one range of a file, by its tag; everything else is the whole or 416', async () => {
  const visitor = await desk.visitor();
  const bytes = Buffer.from(randomBytes(100_000).toString('hex'));
  const file = await expectStatus<any>(201, visitor.call('POST', '/api/v1/visitor/files?name=proof.txt', new Uint8Array(bytes)));
  const get = async (headers: Record<string, string>) => {
    const r = await fetch(`${desk.server.url}/api/v1/visitor/files/${file.id}`, { headers: { authorization: `Bearer ${visitor.token}`, ...headers } });
    return { status: r.status, headers: r.headers, body: Buffer.from(await r.arrayBuffer()) };
  };
  const whole = await get({});
  assert.deepEqual([whole.status, whole.body.equals(bytes), whole.headers.get('accept-ranges')], [200, true, 'bytes']);
  const tag = whole.headers.get('etag')!;
  const rest = await get({ range: 'bytes=150000-', 'if-range': tag });
  assert.deepEqual([rest.status, rest.headers.get('content-range'), rest.headers.get('content-length')], [206, 'bytes 150000-199999/200000', '50000']);
  assert.ok(rest.body.equals(bytes.subarray(150_000)));
  const middle = await get({ range: 'bytes=70000-140000' });
  assert.ok(middle.body.equals(bytes.subarray(70_000, 140_001)));
  const other = await get({ range: 'bytes=150000-', 'if-range': '"another"' });
  assert.deepEqual([other.status, other.body.length], [200, 200_000]);
  const several = await get({ range: 'bytes=0-1,5-6' });
  assert.deepEqual([several.status, several.body.length], [200, 200_000]);
  const outside = await get({ range: 'bytes=200000-' });
  assert.deepEqual([outside.status, outside.headers.get('content-range'), outside.body.length], [416, 'bytes */200000', 0]);
  assert.equal((await get({ 'if-none-match': tag })).status, 304);
  assert.ok((await get({})).body.equals(bytes), 'the connection is still in order');
});
