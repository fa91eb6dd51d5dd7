/** The widget as a whole: who is here, which view is open, in which language; it owns the chat. */
import { ApiProblem, createApi, unwrap, type Api, type Schema } from '@stablehand/api';
import { pickLanguage, type Language, type Params } from '@stablehand/core';

import type { ToFrame } from '../../loader/protocol.js';
import { Chat } from './chat.svelte.js';
import { browserStorage, makeKeep, type Keep } from './keep.js';
import { linkToPage, type PageLink } from './page.js';
import { word, type WordKey } from './words.js';

type Session = Schema['VisitorSession'];
export type View =
  | { name: 'home' }
  | { name: 'chat' }
  | { name: 'article'; slug: string }
  | { name: 'history' }
  | { name: 'past'; id: string };

export interface WidgetConfig {
  inbox: string;
  /** Origin of the page around the iframe; empty when opened on its own. */
  origin: string;
  locale: string;
}

export class Widget {
  session = $state.raw<Session | null>(null);
  view = $state.raw<View>({ name: 'home' });
  language = $state<Language>('en');
  isOpen = $state(false);
  unread = $state(0);
  /** Why there is no session; the view offers to try again. */
  problem = $state.raw<ApiProblem | null>(null);

  readonly api: Api;
  readonly chat: Chat;
  readonly keep: Keep;
  private readonly page: PageLink;
  private token: string | null;

  constructor(private readonly config: WidgetConfig) {
    this.keep = makeKeep(config.inbox, browserStorage());
    this.token = this.keep.get('token');
    this.language = pickLanguage(
      [this.keep.get('language') ?? '', config.locale, ...navigator.languages].filter(Boolean),
    );
    this.api = createApi({ bearer: () => this.token });
    this.chat = new Chat({
      api: this.api,
      keep: this.keep,
      token: () => this.token,
      onNewMessage: (message) => this.announce(message),
      onSignedOut: () => this.forget(),
      socketUrl: () => `${location.origin.replace(/^http/, 'ws')}/api/v1/visitor/socket`,
    });
    this.page = linkToPage(config.origin, (message) => this.hear(message));
    this.isOpen = config.origin === '';
    for (const event of ['online', 'focus', 'pageshow']) window.addEventListener(event, this.chat.nudge);
    document.addEventListener('visibilitychange', () => this.visibilityChanged());
    this.visibilityChanged();
    this.page.tell({ t: 'ready' });
  }

  /** For uploads, which do not go through the client. */
  get authorization(): Record<string, string> {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  w = (key: WordKey, params?: Params): string => word(this.language, key, params);

  /** Opens the session: an old token, a signed identity, both, or neither. */
  async begin(identity?: string): Promise<void> {
    this.problem = null;
    try {
      const session = await unwrap(
        this.api.POST('/api/v1/visitor/session', {
          body: {
            inbox: this.config.inbox,
            token: this.token ?? undefined,
            identity,
            locale: this.language,
            zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
            page: document.referrer.split(/[?#]/)[0]?.slice(0, 500),
          },
        }),
      );
      if (this.session && this.session.customer.id !== session.customer.id) this.chat.reset();
      this.session = session;
      this.token = session.token;
      this.keep.set('token', session.token);
      this.page.tell({ t: 'accent', color: session.inbox.accent });
      this.chat.start(session.conversation);
    } catch (e) {
      if (!(e instanceof ApiProblem)) throw e;
      this.problem = e;
    }
  }

  show(view: View): void {
    this.view = view;
    this.visibilityChanged();
  }

  setLanguage(language: Language): void {
    this.language = language;
    this.keep.set('language', language);
    document.documentElement.lang = language;
    // Not vital: the next session tells it again.
    void this.api.PATCH('/api/v1/visitor/me', { body: { locale: language } }).catch(() => undefined);
  }

  close(): void {
    this.page.tell({ t: 'close' });
  }

  private hear(message: ToFrame): void {
    switch (message.t) {
      case 'visible':
        this.isOpen = message.open;
        this.visibilityChanged();
        break;
      case 'identify':
        void this.begin(message.identity);
        break;
      case 'logout':
        this.forget();
        void this.begin();
        break;
      case 'locale':
        this.language = pickLanguage([message.locale]);
        document.documentElement.lang = this.language;
        break;
    }
  }

  private visibilityChanged(): void {
    this.chat.isVisible = this.isOpen && this.view.name === 'chat' && document.visibilityState === 'visible';
    if (!this.chat.isVisible) return;
    this.unread = 0;
    this.page.tell({ t: 'unread', count: 0, preview: '' });
    this.chat.markRead();
    this.chat.nudge();
  }

  private announce(message: Schema['Message']): void {
    if (this.chat.isVisible) {
      this.chat.markRead();
      return;
    }
    if (message.kind !== 'public') return;
    this.unread++;
    this.page.tell({ t: 'unread', count: this.unread, preview: message.body.slice(0, 160) });
  }

  private forget(): void {
    this.token = null;
    this.keep.set('token', null);
    this.session = null;
    this.chat.reset();
    this.view = { name: 'home' };
  }
}
