import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Desk, type AgentClient } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk.dispose());

const category = (slug: string, position = 1) => ({ slug, name: { en: 'Deposits', 'zh-CN': '充值' }, description: { en: 'All about them', 'zh-CN': '说明' }, icon: 'download', position });
const draft = (over: Record<string, unknown> = {}) => ({
  title: 'Deposit not credited',
  summary: 'What to check',
  answer: 'Look at the **confirmations** at {{brand}}.',
  body: '## Check the network\n\n<script>alert(1)</script> [x](javascript:alert(1)) [y](https://a.example)\n\n| a | b |\n|---|---|\n| 1 | 2 |',
  phrasings: ['my deposit is missing'],
  ...over,
});

async function make(client: AgentClient, slug: string): Promise<any> {
  const categories = await expectStatus<any>(200, client.get('/api/v1/categories'));
  const c = categories.items[0] ?? (await expectStatus<any>(201, client.post('/api/v1/categories', category('deposits'))));
  return expectStatus<any>(201, client.post('/api/v1/articles', { slug, category_id: c.id, risk: 'none' }));
}
const translation = (id: string, lang = 'en') => `/api/v1/articles/${id}/translations/${lang}`;
const ifMatch = (version: number) => ({ 'if-match': `"v${version}"` });

test('from draft to page, and away again', async () => {
  const { owner } = desk;
  const visitor = await desk.visitor();
  const article = await make(owner, 'deposit-not-credited');
  const saved = await expectStatus<any>(200, owner.put(translation(article.id), draft(), ifMatch(0)));
  assert.equal(saved.state, 'draft');
  assert.equal((await visitor.get('/api/v1/public/articles/deposit-not-credited?lang=en')).status, 404);
  assert.equal((await visitor.get('/help/en/article/deposit-not-credited')).status, 404);

  const published = await expectStatus<any>(200, owner.post(`${translation(article.id)}/publication`, undefined, ifMatch(saved.version)));
  assert.equal(published.state, 'published');
  assert.equal(published.has_unpublished_changes, false);
  const shown = await expectStatus<any>(200, visitor.get('/api/v1/public/articles/deposit-not-credited?lang=en'));
  assert.match(shown.html, /<h2 id="check-the-network">/);
  assert.doesNotMatch(shown.html, /<script|javascript:/);
  assert.match(shown.html, /rel="noopener nofollow ugc"/);
  const found = await expectStatus<any>(200, visitor.get('/api/v1/public/articles?lang=en&q=missing%20deposits'));
  assert.equal(found.items[0].slug, 'deposit-not-credited');

  const page = await visitor.get('/help/en/article/deposit-not-credited');
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-security-policy')!, /default-src 'none'/);
  assert.match(page.body, /<link rel="canonical"/);
  const etag = page.headers.get('etag')!;
  assert.equal((await visitor.get('/help/en/article/deposit-not-credited', { 'if-none-match': etag })).status, 304);

  const second = await expectStatus<any>(200, owner.put(translation(article.id), draft({ title: 'New title' }), ifMatch(published.version)));
  assert.equal(second.has_unpublished_changes, true);
  assert.match((await visitor.get('/help/en/article/deposit-not-credited')).body, /Deposit not credited/);
  await expectStatus(200, owner.post(`${translation(article.id)}/publication`, undefined, ifMatch(second.version)));
  const again = await visitor.get('/help/en/article/deposit-not-credited', { 'if-none-match': etag });
  assert.equal(again.status, 200);
  assert.match(again.body, /New title/);
  const versions = await expectStatus<any>(200, owner.get(`${translation(article.id)}/versions`));
  assert.deepEqual(versions.items.map((v: any) => v.title), ['New title', 'Deposit not credited']);

  await expectStatus(200, owner.delete(`${translation(article.id)}/publication`));
  assert.equal((await visitor.get('/help/en/article/deposit-not-credited')).status, 404);
});

test('two people edit: the slower one is told', async () => {
  const { owner } = desk;
  const article = await make(owner, 'two-people');
  const first = await expectStatus<any>(200, owner.put(translation(article.id), draft({ phrasings: ['a b c'] }), ifMatch(0)));
  await expectStatus(200, owner.put(translation(article.id), draft({ phrasings: ['a b d'] }), ifMatch(first.version)));
  assert.equal((await owner.put(translation(article.id), draft(), ifMatch(first.version))).status, 412);
  assert.equal((await owner.put(translation(article.id), draft())).status, 428);
  assert.equal((await owner.post(`${translation(article.id)}/publication`, undefined, ifMatch(first.version))).status, 412);
});

test('bad input names its field, and agents without the permission are refused', async () => {
  const { owner } = desk;
  const article = await make(owner, 'bad-input');
  for (const [over, field] of [
    [{ title: '' }, 'title'],
    [{ title: 'x'.repeat(121) }, 'title'],
    [{ phrasings: [''] }, 'phrasings[0]'],
    [{ phrasings: 'x' }, 'phrasings'],
    [{ body: '>'.repeat(60) + ' x' }, 'body'],
    [{ answer: 5 }, 'answer'],
  ] as const) {
    const refused = await owner.put(translation(article.id), draft(over), ifMatch(0));
    assert.equal(refused.status, 400, JSON.stringify(over));
    assert.equal(refused.body.errors[0].field, field);
  }
  assert.equal((await owner.post('/api/v1/articles', { slug: 'Bad Slug', category_id: article.category_id })).status, 400);
  assert.equal((await owner.post('/api/v1/articles', { slug: 'bad-input', category_id: article.category_id })).status, 409);
  const agent = await desk.agent('Nina');
  assert.equal((await agent.post('/api/v1/articles', { slug: 'not-mine', category_id: article.category_id })).status, 403);
  assert.equal((await desk.visitor().then((v) => v.get('/api/v1/articles'))).status, 401);
});

test('a vote counts once per reader, with and without JavaScript', async () => {
  const { owner } = desk;
  const article = await make(owner, 'votes');
  const saved = await expectStatus<any>(200, owner.put(translation(article.id), draft({ phrasings: ['vote vote'] }), ifMatch(0)));
  await expectStatus(200, owner.post(`${translation(article.id)}/publication`, undefined, ifMatch(saved.version)));
  const visitor = await desk.visitor();
  for (let i = 0; i < 3; i++) await expectStatus(204, visitor.post('/api/v1/public/articles/votes/feedback', { lang: 'en', helpful: true }));
  const form = await fetch(`${desk.server.url}/help/en/article/votes/feedback`, {
    method: 'POST', body: new URLSearchParams({ helpful: 'no' }), redirect: 'manual', headers: { 'user-agent': 'another browser' },
  });
  assert.equal(form.status, 303);
  assert.equal(form.headers.get('location'), '/help/en/article/votes#sorry');
  const foreign = await fetch(`${desk.server.url}/help/en/article/votes/feedback`, {
    method: 'POST', body: new URLSearchParams({ helpful: 'no' }), redirect: 'manual', headers: { 'user-agent': 'third', 'sec-fetch-site': 'cross-site' },
  });
  assert.equal(foreign.status, 403);
  const now = await expectStatus<any>(200, owner.get(`/api/v1/articles/${article.id}`));
  assert.equal(now.translations[0].helpful, 1);
  assert.equal(now.translations[0].not_helpful, 1);
});

test('the help centre speaks the reader’s language, and lost readers get a page', async () => {
  const visitor = await desk.visitor();
  assert.equal((await visitor.get('/help', { 'accept-language': 'zh-TW,zh;q=0.9' })).headers.get('location'), '/help/zh-CN');
  assert.equal((await visitor.get('/help', { 'accept-language': 'de' })).headers.get('location'), '/help/en');
  for (const path of ['/help/en', '/help/zh-CN', '/help/en/search?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E']) {
    const page = await visitor.get(path);
    assert.equal(page.status, 200, path);
    assert.doesNotMatch(page.body, /<script/);
  }
  assert.equal((await visitor.get('/help/zh-CN/article/nowhere')).status, 404);
  const css = /\/help-assets\/[^"]+/.exec((await visitor.get('/help/en')).body)![0];
  const style = await visitor.get(css);
  assert.equal(style.status, 200);
  assert.match(style.headers.get('cache-control')!, /immutable/);
});
