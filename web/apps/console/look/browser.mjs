// The console as built, in Chromium, with the desk that is not there behind it and the policy in front of it that the server sends.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { makeApi } from './api.mjs';
import { makeDesk } from './desk.mjs';

export const ORIGIN = 'http://localhost:9';
const DIST = fileURLToPath(new URL('../../../dist/console/', import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const PICTURE =
  '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="560"><rect width="900" height="560" fill="#dfe6f3"/><rect x="60" y="60" width="780" height="80" rx="12" fill="#fff"/><rect x="60" y="170" width="780" height="320" rx="12" fill="#fff"/></svg>';

export async function launch() {
  const dir = mkdtempSync(join(tmpdir(), 'look-'));
  const args = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  const context = (options) =>
    chromium.launchPersistentContext(mkdtempSync(join(dir, 'c-')), {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args,
      headless: true,
      ...options,
    });
  return { context, done: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Asking who is signed in is answered with 401 when nobody is. */
const isExpected = (text) => text.includes('status of 401');

function staticFile(path) {
  const name = path.replace(/^\/console\/?/, '');
  const file = join(DIST, name && existsSync(join(DIST, name)) ? name : 'index.html');
  return {
    body: readFileSync(file),
    contentType: TYPES[extname(file)] ?? 'application/octet-stream',
    headers: { 'Content-Security-Policy': CSP },
  };
}

/** Opens the console; `problems` collects what the page said on its console, refusals of the policy included. */
export async function open(context, options = {}) {
  const desk = makeDesk({ now: Date.now(), ...options });
  Object.assign(desk, options.desk);
  const api = makeApi(desk);
  const page = await context.newPage();
  const problems = [];
  page.on('console', (m) => m.type() === 'error' && !isExpected(m.text()) && problems.push(m.text()));
  page.on('pageerror', (e) => problems.push(e.message));
  await page.route(`${ORIGIN}/**`, async (route) => {
    const request = route.request();
    const url = new URL(request.url());
    if (url.pathname.startsWith('/api/v1/files/'))
      return route.fulfill({ body: PICTURE, contentType: 'image/svg+xml' });
    if (!url.pathname.startsWith('/api/')) return route.fulfill(staticFile(url.pathname));
    const [status, body] = api(request.method(), url, request.postData());
    return route.fulfill({
      status,
      contentType: status < 400 ? 'application/json' : 'application/problem+json',
      body: body === undefined ? '' : JSON.stringify(body),
    });
  });
  const socket = { send: () => undefined };
  await page.routeWebSocket(/\/api\/v1\/socket/, (ws) => {
    const send = (frame) => ws.send(JSON.stringify(frame));
    socket.send = send;
    ws.onMessage((text) => answer(desk, JSON.parse(String(text)), send));
  });
  return { page, desk, socket, problems };
}

function answer(desk, frame, send) {
  if (frame.t === 'ping') send({ t: 'pong' });
  if (frame.t === 'hello') {
    send({
      t: 'welcome',
      now: new Date().toISOString(),
      last_event_id: '1',
      presence: desk.agents.map((a) => a.presence),
      offers: [],
      mentions_unseen: 0,
    });
    send({ t: 'live' });
  }
  if (frame.t === 'view' && frame.open)
    send({ t: 'viewing', conversation_id: frame.conversation_id, agent_ids: ['1', '2'] });
  if (frame.t === 'send') sendMessage(desk, frame, send);
}

function sendMessage(desk, { conversation_id, message }, send) {
  const list = desk.messages.get(conversation_id);
  const seq = list.at(-1).seq + 1;
  const newer = list.some(
    (m) => message.expect_seq !== null && m.seq > message.expect_seq && m.author.kind === 'customer',
  );
  if (newer) {
    send({
      t: 'nack',
      client_id: message.client_id,
      problem: { type: '', title: 'Stale', status: 409, code: 'stale' },
      retry: false,
    });
    return;
  }
  const stored = push(desk, conversation_id, {
    author: { kind: 'agent', id: '1', name: 'Ada Keller' },
    kind: message.kind,
    body: message.body,
    client_id: message.client_id,
    reply_to: message.reply_to,
  });
  send({
    t: 'ack',
    client_id: message.client_id,
    conversation_id,
    message_id: stored.id,
    seq,
    created_at: stored.created_at,
    duplicate: false,
  });
  send({
    t: 'event',
    event: {
      id: String(desk.nextId++),
      conversation_id,
      seq,
      kind: 'message.created',
      at: stored.created_at,
      data: stored,
    },
  });
}

/** A message that arrives by itself. */
export function push(desk, conversation, more) {
  const list = desk.messages.get(conversation);
  const seq = list.at(-1).seq + 1;
  const message = {
    id: String(desk.nextId++),
    conversation_id: conversation,
    seq,
    client_id: null,
    kind: 'public',
    body: '',
    reply_to: null,
    files: [],
    mentions: [],
    meta: null,
    created_at: new Date().toISOString(),
    edited_at: null,
    deleted_at: null,
    ...more,
  };
  list.push(message);
  return message;
}

export function eventOf(desk, message) {
  return {
    t: 'event',
    event: {
      id: String(desk.nextId++),
      conversation_id: message.conversation_id,
      seq: message.seq,
      kind: 'message.created',
      at: message.created_at,
      data: message,
    },
  };
}
