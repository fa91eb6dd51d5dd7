import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clientId, Desk } from './desk.js';
import { expectStatus } from './http.js';

let desk: Desk;
before(async () => {
  desk = await Desk.start();
});
after(() => desk?.dispose());

async function search(q: string, n: number): Promise<any[]> {
  let hits: any[] = [];
  const deadline = Date.now() + 10_000;
  do {
    hits = (await expectStatus<any>(200, desk.owner.get(`/api/v1/search/messages?q=${encodeURIComponent(q)}`))).items;
    if (hits.length === n) break;
    await new Promise((r) => setTimeout(r, 100));
  } while (Date.now() < deadline);
  return hits;
}

test('冻结 is found inside a sentence, newest first, with the place of the match; an edit and a delete are followed', async () => {
  const visitor = await desk.visitor();
  const old = await visitor.say('为什么我的账户被冻结了？');
  await visitor.say('withdrawal of 500 USDT is pending');
  const fresh = await visitor.say('请尽快解除冻结，谢谢');
  const hits = await search('冻结', 2);
  assert.deepEqual(hits.map((h) => h.message_id), [fresh.id, old.id]);
  const hit = hits[0];
  assert.equal(hit.snippet.slice(hit.match_at, hit.match_at + hit.match_len), '冻结');
  assert.equal((await search('Withdrawal PENDING', 1)).length, 1);
  assert.equal((await search('结冻', 0)).length, 0);

  const path = `/api/v1/conversations/${old.conversation_id}/messages`;
  const mine = await expectStatus<any>(201, desk.owner.post(path, { client_id: clientId(), kind: 'public', body: '核实身份后解冻' }));
  assert.equal((await search('解冻', 1)).length, 1);
  await expectStatus(200, desk.owner.patch(`/api/v1/messages/${mine.id}`, { body: '核实身份后处理' }));
  assert.equal((await search('解冻', 0)).length, 0);
  assert.equal((await search('处理', 1)).length, 1);
  await expectStatus(200, desk.owner.delete(`/api/v1/messages/${mine.id}`));
  assert.equal((await search('处理', 0)).length, 0);
});
