import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Server } from './server.js';

const BEHIND_TLS = { 'x-forwarded-proto': 'https' };

for (const [name, settings, believed] of [
  ['a stranger who says "https" is not', [], false],
  ['a trusted proxy that does TLS is', ['--http.trusted_proxies=127.0.0.1'], true],
] as const) {
  test(`${name} believed: pages, help centre and API demand TLS from then on`, async () => {
    const server = await Server.start({ settings: [...settings] });
    try {
      for (const path of ['/console/', '/help/en', '/api/v1/setup']) {
        const answer = await fetch(server.url + path, { headers: BEHIND_TLS });
        assert.equal(answer.headers.has('strict-transport-security'), believed, path);
      }
    } finally {
      await server.dispose();
    }
  });
}
