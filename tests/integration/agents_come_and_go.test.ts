import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';

import { AgentClient, Desk, PASSWORD } from './desk.js';
import { expectStatus, HttpClient, setCookies } from './http.js';
import { openapi } from './spec.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk.dispose());

const fresh = () => new AgentClient(desk.server.url);

test('the second factor: set up, asked for, a code works once, a recovery code too', async () => {
  const agent = await desk.agent('Tina Totp');
  const { secret, uri } = await expectStatus<any>(200, agent.post('/api/v1/me/totp', { password: PASSWORD }));
  assert.match(uri, /^otpauth:\/\/totp\//);
  const bits = [...secret].map((c: string) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const seed = Buffer.from(bits.match(/.{8}/g)!.map((b) => parseInt(b, 2)));
  const code = (step: number) => {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + step));
    const mac = createHmac('sha1', seed).update(counter).digest();
    return String((mac.readUInt32BE(mac[19]! & 15) & 0x7fffffff) % 1000000).padStart(6, '0');
  };
  const { recovery_codes } = await expectStatus<any>(200, agent.put('/api/v1/me/totp', { code: code(0) }));
  assert.equal(recovery_codes.length, 10);
  const login = { email: 'tina.totp@desk.example', password: PASSWORD };
  assert.equal((await fresh().post('/api/v1/session', login)).body.code, 'totp_required');
  const next = code(1);
  const me = await expectStatus<any>(201, fresh().post('/api/v1/session', { ...login, code: next }));
  assert.equal(me.totp_enabled, true);
  assert.equal((await fresh().post('/api/v1/session', { ...login, code: next })).body.code, 'bad_code');
  await expectStatus(201, fresh().post('/api/v1/session', { ...login, code: recovery_codes[0] }));
  assert.equal((await fresh().post('/api/v1/session', { ...login, code: recovery_codes[0] })).body.code, 'bad_code');
});

test('a revoked session is dead at once, and its socket with it', async () => {
  const here = await desk.agent('Rita Revoke');
  const there = fresh();
  await there.signIn('rita.revoke@desk.example');
  const sessions = (await expectStatus<any>(200, here.get('/api/v1/sessions'))).items;
  assert.deepEqual(sessions.map((s: any) => s.is_current).sort(), [false, true]);
  const socket = there.openSocket();
  await socket.frame('welcome');
  await expectStatus(204, here.delete(`/api/v1/sessions/${sessions.find((s: any) => !s.is_current).id}`));
  assert.equal((await there.get('/api/v1/session')).status, 401);
  assert.equal(await socket.closed(), 4003);
  assert.equal((await here.get('/api/v1/session')).status, 200);
  await expectStatus(204, here.delete('/api/v1/session'));
  assert.equal((await here.get('/api/v1/session')).status, 401);
});

test('the cookies of a session: no script reads them, no other site sends them', async () => {
  const answer = await fetch(`${desk.server.url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'owner@desk.example', password: PASSWORD }),
  });
  const cookies = setCookies(answer.headers);
  assert.equal(cookies.length, 2);
  for (const cookie of cookies) assert.match(cookie, /; Path=\/; HttpOnly; SameSite=(Lax|Strict)/);
  assert.match(answer.headers.get('cache-control') ?? '', /no-store/);
});

test('signing in from another site is refused', async () => {
  const client = fresh();
  client.origin = 'https://evil.example';
  const answer = await client.post('/api/v1/session', { email: 'owner@desk.example', password: PASSWORD });
  assert.deepEqual([answer.status, answer.body.code], [403, 'origin']);
});

test('guessing is slowed down, for unknown accounts alike, and not for the browser that is known', async () => {
  const known = await desk.agent('Gus Guess');
  for (const email of ['gus.guess@desk.example', 'nobody@desk.example']) {
    const codes = [];
    for (let i = 0; i < 7; i++) codes.push((await fresh().post('/api/v1/session', { email, password: 'wrong' })).body.code);
    assert.deepEqual(codes, [...Array(6).fill('bad_credentials'), 'too_many_attempts']);
  }
  await expectStatus(201, known.post('/api/v1/session', { email: 'gus.guess@desk.example', password: PASSWORD }));
});

test('roles are data: one that may only look at the live page, and what it is refused', async () => {
  const role = await expectStatus<any>(201, desk.owner.post('/api/v1/roles', { name: 'Workforce planner', permissions: ['live.read'], requires_totp: false }));
  assert.deepEqual([role.key, role.is_builtin, role.permissions], [null, false, ['live.read']]);
  const planner = await desk.agent('Paul Planner', 'Workforce planner');
  await expectStatus(200, planner.get('/api/v1/live'));
  assert.equal((await desk.owner.delete(`/api/v1/roles/${role.id}`)).body.code, 'in_use');
  /* every operation of the spec that needs another permission, whatever is sent */
  let n = 0;
  for (const [path, item] of Object.entries<any>(openapi.paths)) {
    for (const [method, op] of Object.entries<any>(item)) {
      if (!op['x-permission'] || op['x-permission'] === 'live.read') continue;
      const url = path.replace('{lang}', 'en').replace(/\{\w+\}/g, '1');
      const answer = await planner.call(method.toUpperCase(), url, method === 'get' || method === 'delete' ? undefined : {}, { 'if-match': '"v1"' });
      assert.ok(answer.status >= 400 && answer.status < 500, `${method} ${path}: ${answer.status}`);
      if (method === 'get' && !path.includes('{') && !op.parameters?.some((p: any) => p.required)) assert.equal(answer.status, 403, `${path}: ${answer.status}`);
      n++;
    }
  }
  assert.ok(n > 30, `${n} operations tried`);
});

test('nobody grants what they do not have, and there is always an owner', async () => {
  const admin = await desk.agent('Ada Admin', 'admin');
  const [owner, auditor] = [await desk.roleId('owner'), await desk.roleId('auditor')];
  const refused = await Promise.all([
    admin.post('/api/v1/roles', { name: 'Spies', permissions: ['audit.read'], requires_totp: false }),
    admin.post('/api/v1/invitations', { email: 'new@desk.example', role_id: owner }),
    admin.post('/api/v1/api-keys', { name: 'k', scopes: ['audit.read'] }),
    admin.patch(`/api/v1/agents/${desk.owner.id}`, { role_id: auditor }, { 'if-match': '"v1"' }),
    admin.patch(`/api/v1/agents/${desk.owner.id}`, { is_active: false }, { 'if-match': '"v1"' }),
  ]);
  assert.deepEqual(refused.map((a) => [a.status, a.body.code]), Array(5).fill([403, 'escalation']));
  assert.equal((await desk.owner.patch(`/api/v1/agents/${desk.owner.id}`, { is_active: false }, { 'if-match': '"v1"' })).body.code, 'self');
  const stale = await desk.owner.patch(`/api/v1/agents/${admin.id}`, { capacity: 2 }, { 'if-match': '"v99"' });
  assert.equal(stale.status, 412);
});

test('a role that requires the second factor opens only its set-up', async () => {
  await expectStatus(201, desk.owner.post('/api/v1/roles', { name: 'Risk', permissions: ['conversation.read'], requires_totp: true }));
  const agent = await desk.agent('Rick Risk', 'Risk');
  const me = await expectStatus<any>(200, agent.get('/api/v1/session'));
  assert.deepEqual([me.totp_required, me.permissions], [true, []]);
  const answer = await agent.get('/api/v1/conversations');
  assert.deepEqual([answer.status, answer.body.code], [403, 'totp_setup_required']);
  await expectStatus(200, agent.post('/api/v1/me/totp', { password: PASSWORD }));
});

test('an API key may what it was given, until it is revoked', async () => {
  const made = await expectStatus<any>(201, desk.owner.post('/api/v1/api-keys', { name: 'CRM', scopes: ['customer.read'] }));
  assert.match(made.secret, /^shk_[\w-]{43}$/);
  const client = new HttpClient(desk.server.url);
  client.bearer = made.secret;
  await expectStatus(200, client.get('/api/v1/customers'));
  assert.equal((await client.get('/api/v1/live')).status, 403);
  assert.equal((await client.post('/api/v1/me/password', { current: 'x', new: 'y' })).status, 403);
  const listed = (await expectStatus<any>(200, desk.owner.get('/api/v1/api-keys'))).items[0];
  assert.deepEqual([listed.prefix, 'secret' in listed], [made.prefix, false]);
  await expectStatus(204, desk.owner.delete(`/api/v1/api-keys/${made.id}`));
  assert.equal((await client.get('/api/v1/customers')).status, 401);
});

test('the password: weak ones are refused, a change ends the other sessions', async () => {
  const agent = await desk.agent('Pia Pass');
  const other = fresh();
  await other.signIn('pia.pass@desk.example');
  const weak = await agent.post('/api/v1/me/password', { current: PASSWORD, new: 'password1234' });
  assert.deepEqual([weak.status, weak.body.code, weak.body.errors[0].field], [400, 'weak', 'new']);
  const listed = await agent.post('/api/v1/me/password', { current: PASSWORD, new: 'Monkey-Dragon-77' });
  assert.deepEqual([listed.status, listed.body.code, listed.body.errors[0].field], [400, 'weak', 'new']);
  await expectStatus(204, agent.post('/api/v1/me/password', { current: PASSWORD, new: 'cobalt ferry mandolin' }));
  assert.equal((await other.get('/api/v1/session')).status, 401);
  assert.equal((await agent.get('/api/v1/session')).status, 200);
});

test('too many attempts are told how long to wait, and it grows', async () => {
  const agent = await desk.agent('Walt Wait');
  const wrong = () =>
    fresh().post('/api/v1/session', {
      email: 'walt.wait@desk.example',
      password: 'wrong',
    });
  let refused = await wrong();
  for (let i = 0; i < 10 && refused.status !== 429; i++) refused = await wrong();
  const first = Number(refused.headers.get('retry-after'));
  assert.ok(first >= 1 && first <= 2, `${first} s`);
  assert.match(refused.body.detail, new RegExp(`in ${first} seconds`));
  await new Promise((r) => setTimeout(r, first * 1000 + 50));
  assert.equal((await wrong()).status, 401);
  const second = Number((await wrong()).headers.get('retry-after'));
  assert.ok(second > first, `${second} s after ${first} s`);
  assert.equal(agent.id.length > 0, true);
});

test('an administrator signs somebody out: sessions and sockets end at once, and the account can sign in again', async () => {
  const [agent, admin] = [await desk.agent('Sam Signout'), await desk.agent('Abe Admin', 'admin')];
  const second = fresh();
  await second.signIn('sam.signout@desk.example');
  const sockets = [agent.openSocket(), second.openSocket()];
  for (const socket of sockets) await socket.frame('welcome');
  assert.equal((await agent.delete(`/api/v1/agents/${admin.id}/sessions`)).status, 403);
  assert.equal((await admin.delete(`/api/v1/agents/${desk.owner.id}/sessions`)).body.code, 'escalation');
  assert.equal((await admin.delete('/api/v1/agents/999999/sessions')).status, 404);
  await expectStatus(204, admin.delete(`/api/v1/agents/${agent.id}/sessions`));
  for (const client of [agent, second]) assert.equal((await client.get('/api/v1/session')).status, 401);
  for (const socket of sockets) assert.equal(await socket.closed(), 4003);
  await second.signIn('sam.signout@desk.example');
  /* of one's own the present one stays */
  const elsewhere = fresh();
  await elsewhere.signIn('abe.admin@desk.example');
  await expectStatus(204, admin.delete(`/api/v1/agents/${admin.id}/sessions`));
  assert.deepEqual([(await admin.get('/api/v1/session')).status, (await elsewhere.get('/api/v1/session')).status], [200, 401]);
});

test('whoever signs out is gone: no offer waits for a browser that will not come back', async () => {
  const agent = await desk.agent('Gina Gone');
  const socket = agent.openSocket();
  await socket.frame('live');
  await expectStatus(200, agent.put('/api/v1/presence', { status: 'available' }));
  const online = async () => (await expectStatus<any>(200, desk.owner.get('/api/v1/presence'))).items.find((p: any) => p.agent_id === agent.id)?.is_online;
  assert.equal(await online(), true);
  await expectStatus(204, agent.delete('/api/v1/session'));
  assert.equal(await socket.closed(), 4003);
  for (let i = 0; i < 80 && (await online()); i++) await new Promise((r) => setTimeout(r, 100));
  assert.equal(await online(), false);
});

test('an agent who is made inactive is out at once: sessions, sockets, API keys, and no way in', async () => {
  const agent = await desk.agent('Ina Inactive', 'admin');
  const key = new HttpClient(desk.server.url);
  key.bearer = (
    await expectStatus<any>(
      201,
      agent.post('/api/v1/api-keys', {
        name: 'hers',
        scopes: ['customer.read'],
      }),
    )
  ).secret;
  await expectStatus(200, key.get('/api/v1/customers'));
  const socket = agent.openSocket();
  await socket.frame('welcome');
  const me = (await expectStatus<any>(200, desk.owner.get('/api/v1/agents'))).items.find((a: any) => a.id === agent.id);
  await expectStatus(200, desk.owner.patch(`/api/v1/agents/${agent.id}`, { is_active: false }, { 'if-match': `"v${me.version}"` }));
  assert.deepEqual([(await agent.get('/api/v1/session')).status, (await key.get('/api/v1/customers')).status], [401, 401]);
  assert.equal(await socket.closed(), 4003);
  assert.equal(
    (
      await fresh().post('/api/v1/session', {
        email: 'ina.inactive@desk.example',
        password: PASSWORD,
      })
    ).body.code,
    'bad_credentials',
  );
});

test('a refused permission is in the log: who, what, which permission, and nothing of the person', async () => {
  const agent = await desk.agent('Lena Log');
  assert.equal((await agent.get('/api/v1/live')).status, 403);
  assert.equal((await agent.post('/api/v1/api-keys', { name: 'very private', scopes: [] })).status, 403);
  const lines = desk.server.log.filter((l) => l.includes('refused') && l.includes(`agent:${agent.id}`));
  assert.equal(lines.length, 2, desk.server.log.slice(-5).join('\n'));
  assert.match(lines[0]!, /operation=live_http_get/);
  assert.match(lines[0]!, /permission=live\.read/);
  assert.ok(!lines.some((l) => /private|lena|127\.0\.0\.1/i.test(l)), lines.join('\n'));
});
