import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { AgentClient, PASSWORD } from './desk.js';
import { expectStatus } from './http.js';
import { skipOnFile } from './nodes.js';
import { databaseOf, Server } from './server.js';

test('three nodes begin at once on an empty database: one schema, one set of articles, one owner', { skip: skipOnFile }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'stablehand-'));
  writeFileSync(join(dir, 'secret.key'), randomBytes(32), { mode: 0o600 });
  databaseOf(dir);
  const settings = ['--help.starter_content=published'];
  const begun = await Promise.allSettled([0, 1, 2].map(() => Server.start({ dir, settings })));
  const nodes = begun.filter((r) => r.status === 'fulfilled').map((r) => r.value);
  try {
    assert.deepEqual(begun.filter((r) => r.status === 'rejected').map((r) => String(r.reason)), []);
    const owners = await Promise.all(
      nodes.map(async (node, i) => {
        const owner = new AgentClient(node.url);
        const answer = await owner.post('/api/v1/setup', { email: `owner${i}@desk.example`, name: 'Olive Owner', password: PASSWORD, brand: 'Nova' });
        owner.csrf = answer.body.csrf_token;
        return { owner, status: answer.status };
      }),
    );
    assert.deepEqual(owners.map((o) => o.status).sort(), [201, 409, 409]);
    const { owner } = owners.find((o) => o.status === 201)!;
    const slugs: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: any = await expectStatus<any>(200, owner.get(`/api/v1/articles?limit=100${cursor && `&cursor=${cursor}`}`));
      slugs.push(...page.items.map((a: any) => a.slug));
      cursor = page.next_cursor;
    }
    assert.ok(slugs.length >= 50);
    assert.equal(new Set(slugs).size, slugs.length);
    assert.equal((await expectStatus<any>(200, owner.get('/api/v1/nodes'))).items.length, 3);
  } finally {
    for (const node of nodes.slice(1)) await node.kill();
    await nodes[0]?.dispose();
  }
});
