/** An exchange's own page, on another origin than the desk, under a policy as strict as they get. */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Page } from 'playwright-core';

import { clientId } from '../integration/desk.js';

export interface Host {
  origin: string;
  /** Set before the page is asked for. */
  desk: string;
  inbox: string;
  close: () => void;
}

export async function hostPage(): Promise<Host> {
  const host: Host = { origin: '', desk: '', inbox: '', close: () => server.close() };
  const server = createServer((request, response) => {
    if (request.url === '/favicon.ico') {
      response.writeHead(204).end();
      return;
    }
    // What stands in the query becomes attributes of the script: ?data-greeting=Hello
    const { searchParams } = new URL(request.url ?? '/', host.origin);
    const attributes = [...searchParams].filter(([name]) => name.startsWith('data-')).map(([name, value]) => ` ${name}="${value}"`);
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; script-src ${host.desk}; frame-src ${host.desk}; style-src 'none'; base-uri 'none'; require-trusted-types-for 'script'`,
    });
    response.end(`<!doctype html><html lang="en" dir="${searchParams.get('dir') ?? 'ltr'}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Exchange</title>
<script src="${host.desk}/widget/loader.js" data-inbox="${host.inbox}" data-locale="${searchParams.get('locale') ?? 'en'}"${attributes.join('')} defer></script></head>
<body><h1>Exchange</h1><p><button id="help">Help</button></p><p>${'Markets move. '.repeat(300)}</p></body></html>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return host;
}

/** What the exchange's back end signs for a customer who is logged in there. */
export function signedIdentity(inbox: string, secret: string, uid: string, name: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const head = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ aud: inbox, sub: uid, uid, name, iat: now, exp: now + 300, jti: clientId() })}`;
  return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
}

/** A command of the page to the widget. */
export const tell = (page: Page, command: string, value = '') =>
  page.evaluate(([c, v]) => (globalThis as unknown as { Stablehand: (c: string, v: string) => void }).Stablehand(c!, v!), [command, value]);
