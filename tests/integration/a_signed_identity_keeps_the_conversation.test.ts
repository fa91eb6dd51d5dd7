import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';

import { Desk, Visitor } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
let secret: string;
before(async () => {
  desk = await Desk.start();
  secret = (await expectStatus<any>(200, desk.owner.post(`/api/v1/inboxes/${desk.inbox.id}/identity-secret`))).secret;
});
after(() => desk.dispose());

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = () => Math.floor(Date.now() / 1000);

/** What the exchange's own back end does: a dozen lines in any language. */
function sign(claims: Record<string, unknown>, key = secret, header: Record<string, unknown> = { alg: 'HS256', typ: 'JWT' }): string {
  const text = `${encode(header)}.${encode({ aud: desk.inbox.key, iat: now(), exp: now() + 300, ...claims })}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

const open = (extra: Record<string, unknown>) => new Visitor(desk.server.url).post('/api/v1/visitor/session', { inbox: desk.inbox.key, ...extra });

test('a visitor who signs in keeps the conversation, under a new token', async () => {
  const visitor = await desk.visitor();
  const said = await visitor.say('asked before signing in');
  const signedIn = await expectStatus<any>(200, open({ token: visitor.token, identity: sign({ sub: 'u-1', name: '王小明', tier: 'vip', locale: 'zh-CN' }) }));
  assert.deepEqual([signedIn.customer.is_verified, signedIn.customer.name, signedIn.customer.locale], [true, '王小明', 'zh-CN']);
  assert.equal(signedIn.conversation.id, said.conversation_id);
  assert.notEqual(signedIn.token, visitor.token);
  assert.equal((await visitor.get(`/api/v1/visitor/conversations/${said.conversation_id}/messages`)).status, 401);
  const again = new Visitor(desk.server.url);
  again.bearer = signedIn.token;
  const page = await expectStatus<any>(200, again.get(`/api/v1/visitor/conversations/${said.conversation_id}/messages`));
  assert.ok(page.items.some((m: any) => m.body === 'asked before signing in'));
});

test('on a second device the anonymous talk joins the known customer; agents see one customer', async () => {
  const phone = await expectStatus<any>(200, open({ identity: sign({ sub: 'u-2', name: 'Alex' }) }));
  const laptop = await desk.visitor();
  const said = await laptop.say('from the laptop');
  const merged = await expectStatus<any>(200, open({ token: laptop.token, identity: sign({ sub: 'u-2', name: 'Alex' }) }));
  assert.equal(merged.customer.id, phone.customer.id);
  const conversation = await expectStatus<any>(200, desk.owner.get(`/api/v1/conversations/${said.conversation_id}`));
  assert.deepEqual([conversation.customer.id, conversation.customer.uid], [phone.customer.id, 'u-2']);
  const found = await expectStatus<any>(200, desk.owner.get('/api/v1/customers?q=u-2'));
  assert.deepEqual(found.items.map((c: any) => c.id), [phone.customer.id]);
});

test('forged, expired and replayed-for-another-site identities are refused with a code', async () => {
  const other = await expectStatus<any>(201, desk.owner.post('/api/v1/inboxes', { name: 'Other site', allowed_origins: [], greeting: { en: '', 'zh-CN': '' }, accent: '#000000', bot_enabled: false }));
  const good = sign({ sub: 'u-3' });
  const cases: Record<string, [string, string]> = {
    'another secret': [sign({ sub: 'u-3' }, 'x'.repeat(43)), 'identity_signature'],
    'a changed claim': [good.replace(/\.[^.]+\./, `.${encode({ sub: 'u-1', aud: desk.inbox.key, iat: now(), exp: now() + 300 })}.`), 'identity_signature'],
    'alg none': [`${encode({ alg: 'none' })}.${good.split('.')[1]}.`, 'identity_algorithm'],
    'another algorithm': [sign({ sub: 'u-3' }, secret, { alg: 'HS512' }), 'identity_algorithm'],
    expired: [sign({ sub: 'u-3', iat: now() - 600, exp: now() - 120 }), 'identity_expired'],
    'good for a year': [sign({ sub: 'u-3', exp: now() + 31536000 }), 'identity_too_long'],
    'for another site': [sign({ sub: 'u-3', aud: other.key }), 'identity_audience'],
    'without a uid': [sign({}), 'identity_claims'],
    nonsense: ['nonsense', 'identity_malformed'],
  };
  for (const [name, [identity, code]] of Object.entries(cases)) {
    const answer = await open({ identity });
    assert.deepEqual([name, answer.status, answer.body.code], [name, 401, code]);
  }
  const elsewhere = await new Visitor(desk.server.url).post('/api/v1/visitor/session', { inbox: other.key, identity: good });
  assert.equal(elsewhere.status, 401, 'our good identity at another inbox');
});

test('an identity with a jti opens the widget once', async () => {
  const identity = sign({ sub: 'u-4', jti: 'only-once' });
  await expectStatus(200, open({ identity }));
  const again = await open({ identity });
  assert.deepEqual([again.status, again.body.code], [401, 'identity_replayed']);
});

test('after a rotation the former secret stays good', async () => {
  const former = secret;
  secret = (await expectStatus<any>(200, desk.owner.post(`/api/v1/inboxes/${desk.inbox.id}/identity-secret`))).secret;
  assert.notEqual(secret, former);
  await expectStatus(200, open({ identity: sign({ sub: 'u-5' }, former) }));
  await expectStatus(200, open({ identity: sign({ sub: 'u-5' }) }));
});
