/** Which addresses the console knows. Pure: text in, page out. */

export const VIEWS = ['mine', 'unassigned', 'mentions', 'all', 'bot', 'snoozed', 'resolved'] as const;
export type View = (typeof VIEWS)[number];

export const SETTINGS = [
  'profile',
  'security',
  'workspace',
  'inboxes',
  'agents',
  'roles',
  'teams',
  'canned',
  'keys',
] as const;
export type SettingsPage = (typeof SETTINGS)[number];

export const BOT_TABS = ['settings', 'misses'] as const;
export type BotTab = (typeof BOT_TABS)[number];

export type Route =
  | { page: 'inbox'; view: View; conversation: string | null }
  | { page: 'search' }
  | { page: 'live' }
  | { page: 'knowledge'; article: string | null }
  | { page: 'bot'; tab: BotTab }
  | { page: 'settings'; section: SettingsPage }
  | { page: 'join' }
  | { page: 'unknown' };

export const BASE = '/console';
const ID = /^[1-9][0-9]{0,18}$/;

function isOneOf<T extends string>(value: string, all: readonly T[]): value is T {
  return (all as readonly string[]).includes(value);
}

function inbox(view: string, id: string): Route | null {
  if (!isOneOf(view, VIEWS) || (id !== '' && !ID.test(id))) return null;
  return { page: 'inbox', view, conversation: id || null };
}

/** `path` with or without the base. */
export function parseRoute(path: string): Route {
  const [head = '', second = '', third = '', rest] = path
    .replace(/^\/console(?=\/|$)/, '')
    .split('/')
    .filter(Boolean);
  if (rest !== undefined) return { page: 'unknown' };
  switch (head) {
    case '':
    case 'login':
    case 'setup':
      return { page: 'inbox', view: 'mine', conversation: null };
    case 'inbox':
      return inbox(second || 'mine', third) ?? { page: 'unknown' };
    case 'knowledge':
      return second === '' || ID.test(second)
        ? { page: 'knowledge', article: second || null }
        : { page: 'unknown' };
    case 'settings':
      return isOneOf(second || 'profile', SETTINGS)
        ? { page: 'settings', section: (second || 'profile') as SettingsPage }
        : { page: 'unknown' };
    case 'bot':
      return isOneOf(second || 'settings', BOT_TABS)
        ? { page: 'bot', tab: (second || 'settings') as BotTab }
        : { page: 'unknown' };
    case 'search':
    case 'live':
    case 'join':
      return { page: head };
    default:
      return { page: 'unknown' };
  }
}

export function pathOf(route: Route): string {
  switch (route.page) {
    case 'inbox':
      return `${BASE}/inbox/${route.view}${route.conversation ? `/${route.conversation}` : ''}`;
    case 'knowledge':
      return `${BASE}/knowledge${route.article ? `/${route.article}` : ''}`;
    case 'settings':
      return `${BASE}/settings/${route.section}`;
    case 'bot':
      return route.tab === 'settings' ? `${BASE}/bot` : `${BASE}/bot/${route.tab}`;
    case 'unknown':
      return `${BASE}/`;
    default:
      return `${BASE}/${route.page}`;
  }
}
