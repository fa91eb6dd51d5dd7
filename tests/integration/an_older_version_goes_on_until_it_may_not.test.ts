/** During an upgrade nodes of two versions share a database: the older one starts and serves on what the newer one added, and is not ready any more when the newer one takes away what it used. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Desk } from './desk.js';
import { HttpClient } from './http.js';
import { onPostgres, rowsOf } from './server.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

test('an older version starts on a database that a newer one only added to, and serves', async () => {
  await desk.server.stop();
  // What the next version would leave behind: a migration that this program does not know.
  rowsOf(desk.server.dir, "INSERT INTO schema_migrations (number, name, sha256, applied_at) SELECT MAX(number) + 1, 'from_the_future', 'x', 1 FROM schema_migrations");
  await desk.server.launch();
  const visitor = await desk.visitor();
  await visitor.say('hello');
  assert.equal((await new HttpClient(desk.server.url).get('/readyz')).status, 200);
});

test('it stops being ready when what it uses is taken away', { skip: !onPostgres && 'one program per file' }, async () => {
  rowsOf(desk.server.dir, "UPDATE db_meta SET value = (SELECT MAX(number) FROM schema_migrations) WHERE key = 'oldest_program'");
  let answer: any;
  for (let i = 0; i < 50; i++) {
    answer = await new HttpClient(desk.server.url).get('/readyz');
    if (answer.status !== 200) break;
    await new Promise((r) => setTimeout(r, 100));
  }
  assert.equal(answer.status, 503);
  assert.match(JSON.stringify(answer.body), /too old/);
});

test('and does not start again', async () => {
  await desk.server.stop();
  rowsOf(desk.server.dir, "UPDATE db_meta SET value = (SELECT MAX(number) FROM schema_migrations) WHERE key = 'oldest_program'");
  await assert.rejects(desk.server.launch(), /newer than this program can work with .*from_the_future/);
});
