import { expect, test } from 'vitest';
import { parseRoute, pathOf, type Route } from './routes.js';

test.each<[string, Route]>([
  ['/console', { page: 'inbox', view: 'mine', conversation: null }],
  ['/console/', { page: 'inbox', view: 'mine', conversation: null }],
  ['/console/inbox/bot/42', { page: 'inbox', view: 'bot', conversation: '42' }],
  ['/console/inbox/bot/042', { page: 'unknown' }],
  ['/console/inbox/nothing', { page: 'unknown' }],
  ['/console/inbox/all/1/2', { page: 'unknown' }],
  ['/console/knowledge', { page: 'knowledge', article: null }],
  ['/console/knowledge/7', { page: 'knowledge', article: '7' }],
  ['/console/knowledge/x', { page: 'unknown' }],
  ['/console/settings', { page: 'settings', section: 'profile' }],
  ['/console/settings/keys', { page: 'settings', section: 'keys' }],
  ['/console/settings/secrets', { page: 'unknown' }],
  ['/console/live', { page: 'live' }],
  ['/console/bot', { page: 'bot', tab: 'settings' }],
  ['/console/bot/misses', { page: 'bot', tab: 'misses' }],
  ['/console/bot/hits', { page: 'unknown' }],
  ['/console/<script>', { page: 'unknown' }],
])('%s', (path, route) => {
  expect(parseRoute(path)).toEqual(route);
});

test('every page has an address that leads back to it', () => {
  const routes: Route[] = [
    { page: 'inbox', view: 'snoozed', conversation: '9' },
    { page: 'search' },
    { page: 'knowledge', article: '3' },
    { page: 'settings', section: 'roles' },
    { page: 'bot', tab: 'settings' },
    { page: 'bot', tab: 'misses' },
  ];
  for (const route of routes) expect(parseRoute(pathOf(route))).toEqual(route);
});
