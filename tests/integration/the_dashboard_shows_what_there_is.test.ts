/** Every metric that the Grafana dashboard and the alert rules name is in the program's /metrics; the rules are rules; and what /readyz says of stopping. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Desk } from './desk.js';
import { NatsServer } from './nats.js';
import { onPostgres } from './server.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const alerts = join(root, 'packaging/prometheus/alerts.yml');
const dashboard = join(root, 'packaging/grafana/stablehand.json');

/* Not asked before somebody uploads something. */
const NO_STORE = ['--files.url=s3://desk/x', '--files.s3_endpoint=http://127.0.0.1:1', '--files.s3_access_key=a', '--files.s3_secret_key=b'];
let desk: Desk;
let nats: NatsServer | null = null;
before(async () => {
  const settings = [...NO_STORE, '--http.drain=2s'];
  if (onPostgres) {
    nats = await NatsServer.start();
    settings.push(`--bus.url=${nats.url}`);
  }
  desk = await Desk.start({ settings });
  await (await desk.visitor()).say('how do I withdraw?');
});
after(async () => {
  await desk?.dispose();
  await nats?.kill();
});

const scrape = async () => (await fetch(`${desk.server.url}/metrics`)).text();
/** Names of a text, without what histograms add. */
const namesIn = (text: string) => [...new Set(text.match(/\bstablehand_[a-z0-9_]+/g) ?? [])].map((n) => n.replace(/_(bucket|sum|count)$/, '')).sort();
/** What a desk on SQLite does not have. */
const ofPostgres = /^stablehand_(db_pool_|db_unknown_commits|bus_hint_delay)/;

test('all of them exist', async () => {
  const there = new Set([...(await scrape()).matchAll(/^# TYPE (\S+) /gm)].map((m) => m[1]));
  const expressions: string[] = JSON.parse(readFileSync(dashboard, 'utf8')).panels.flatMap((p: any) => (p.targets ?? []).map((t: any) => t.expr));
  assert.ok(expressions.length > 40);
  const rules = readFileSync(alerts, 'utf8');
  const wanted = [...namesIn(expressions.join('\n')), ...namesIn(rules)];
  assert.ok(wanted.length > 50);
  assert.deepEqual(wanted.filter((name) => !there.has(name) && (onPostgres || !ofPostgres.test(name))), []);
});

test('what is shown is in Prometheus\' format, each name once', async () => {
  const text = await scrape();
  const types = [...text.matchAll(/^# TYPE (\S+) /gm)].map((m) => m[1]);
  assert.deepEqual(types, [...new Set(types)]);
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  /* 3: advice about names, of which there is some: totals that are gauges, since they are read from elsewhere. */
  assert.ok(status === 0 || status === 3, stdout + stderr);
  assert.doesNotMatch(stderr, /error while linting|second HELP|parsing/);
});

test('the rules are rules', () => {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', alerts], { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /SUCCESS: \d+ rules found/);
});

test('asked to stop, it says so first and serves on for a while', async () => {
  const ready = async () => (await fetch(`${desk.server.url}/readyz`)).status;
  assert.equal(await ready(), 200);
  const visitor = await desk.visitor();
  const began = Date.now();
  const stopped = desk.server.stop();
  for (let i = 0; i < 50 && (await ready()) === 200; i++) await new Promise((r) => setTimeout(r, 20));
  assert.equal(await ready(), 503);
  await visitor.say('still there?');
  assert.match(await scrape(), /^stablehand_ready 0$/m);
  assert.equal(await stopped, 0);
  const took = Date.now() - began;
  assert.ok(took >= 1900 && took < 10_000, `${took} ms`);
});
