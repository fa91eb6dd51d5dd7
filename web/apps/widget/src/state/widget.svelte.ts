/** The widget as a whole: who is here, which view is open, in which language; it owns the chat. */
import { ApiProblem, createApi, unwrap, type Api, type Schema } from '@stablehand/api';
import { newClientId, pickLanguage, type Language, type Message, type Params } from '@stablehand/core';

import type { ToFrame } from '../../loader/protocol.js';
import { loadWords, word, type WordKey } from '../words/index.js';
import { accentInk } from './accent.js';
import { TabBox } from './boxes.js';
import { Chat, type Payload } from './chat.svelte.js';
import { browserStorage, makeKeep, onKept, type Keep } from './keep.js';
import { linkToPage, type PageLink } from './page.js';
import { joinTabs, type Tabs } from './tabs.js';
import { setAccent } from './theme.js';
import type { Uploads } from './uploads.svelte.js';

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

const FIRST_RETRY_MS = 3_000;
const MAX_RETRY_MS = 60_000;
const PREVIEW = 160;
/** How long a page may take to say who is there. */
const SIGN_IN_MS = 3_000;

/** A line of text for the bubble on the page: no marks of formatting. */
export function plainPreview(body: string): string {
  return body
    .replace(/\[([^\]\n]+)\]\([^)\s]*\)/g, '$1')
    .replace(/[*`#>]+/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, PREVIEW);
}

export class Widget {
  session = $state.raw<Session | null>(null);
  language = $state<Language>('en');
  isOpen = $state(false);
  /** Why there is no session; the view offers to try again. */
  problem = $state.raw<unknown>(null);
  /** Where "new messages" begins, since the person last came back to the chat. 0: nothing new then. */
  newSince = $state(0);
  isMuted = $state(false);
  private isIntroduced = $state(false);
  /** What the first message of a conversation is about, chosen in the form before. */
  private topic = '';
  /** The person has gone somewhere: from now on focus follows the view. */
  hasMoved = false;
  /** Files that wait in the composer; made by it, because its code is loaded late. */
  uploads: Uploads | null = null;
  private path = $state.raw<readonly View[]>([{ name: 'home' }]);

  readonly api: Api;
  readonly chat: Chat;
  readonly keep: Keep;
  /** A page is around us: the window can be closed. */
  readonly isEmbedded: boolean;
  private readonly box: TabBox;
  private readonly page: PageLink;
  private readonly tabs: Tabs;
  private token: string | null;
  /** Sessions are opened one after another: a sign-in must find the token of the visit before it. */
  private turn: Promise<void> = Promise.resolve();
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private retryMs = FIRST_RETRY_MS;
  private lostAt = 0;
  private signInTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly config: WidgetConfig) {
    this.keep = makeKeep(config.inbox, browserStorage());
    this.token = this.keep.get('token');
    this.isMuted = this.keep.get('muted') !== null;
    this.isIntroduced = this.keep.get('introduced') !== null;
    this.language = pickLanguage(
      [this.keep.get('language') ?? '', config.locale, ...navigator.languages].filter(Boolean),
    );
    this.api = createApi({ bearer: () => this.token });
    this.box = new TabBox(this.keep, config.inbox, navigator.locks, newClientId());
    this.chat = new Chat({
      api: this.api,
      box: this.box,
      token: () => this.token,
      onSignedOut: () => this.sessionLost(),
      socketUrl: () => `${location.origin.replace(/^http/, 'ws')}/api/v1/visitor/socket`,
    });
    this.page = linkToPage(config.origin, (message) => this.hear(message));
    this.tabs = joinTabs(config.inbox, (token) => this.otherTabSigned(token));
    this.isEmbedded = config.origin !== '';
    this.isOpen = !this.isEmbedded;
    for (const event of ['online', 'focus', 'pageshow']) window.addEventListener(event, () => this.wake());
    document.addEventListener('visibilitychange', () => this.visibilityChanged());
    onKept(config.inbox, 'token', (token) => this.otherTabVisits(token));
    $effect.root(() => {
      $effect(() => this.tellUnread(this.chat.unread));
      $effect(() => this.ringFor(this.chat.news));
      $effect(() => {
        if (this.session) this.page.tell({ t: 'known', known: this.chat.conversation !== null });
      });
    });
    this.page.tell({ t: 'ready' });
  }

  get view(): View {
    return this.path.at(-1)!;
  }

  get canGoBack(): boolean {
    return this.path.length > 1;
  }

  get brand(): string {
    return this.session?.inbox.brand ?? '';
  }

  /** The operator asks visitors for something first. Not those who are signed in, nor in the middle of a conversation. */
  get asksFirst(): boolean {
    const form = this.session?.inbox.prechat;
    if (!form || this.isIntroduced || this.session?.customer.is_verified || this.chat.conversation)
      return false;
    return form.topics.length > 0 || form.name !== 'off' || form.email !== 'off';
  }

  introduced(topic: string): void {
    this.topic = topic;
    this.isIntroduced = true;
    this.keep.set('introduced', '1');
  }

  /** False when too much waits already. */
  say(message: Partial<Payload>): boolean {
    const isFirst = this.topic !== '' && this.chat.conversation === null;
    return this.chat.send(isFirst ? { ...message, topic: this.topic } : message);
  }

  /** For uploads, which do not go through the client. */
  get authorization(): Record<string, string> {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  w = (key: WordKey, params?: Params): string => word(this.language, key, params);

  /** The first session. Where a signed customer was last, the page is given a moment to sign them in again: at a shared computer it may be somebody else who
   * comes next, and a page that does not say who is there gets a new visitor, not the former one's conversation. */
  start(): void {
    if (!this.isEmbedded || this.keep.get('signed') === null) {
      void this.begin();
      return;
    }
    this.signInTimer = setTimeout(() => {
      this.leaveSigned();
      void this.begin();
    }, SIGN_IN_MS);
  }

  /** Opens the session: an old token, a signed identity, both, or neither. */
  begin(identity?: string): Promise<void> {
    this.turn = this.turn.then(() => this.open(identity));
    return this.turn;
  }

  show(view: View): void {
    this.hasMoved = true;
    if (view.name === 'home') this.path = [view];
    else this.path = [...this.path.filter((v) => v.name !== view.name || view.name === 'article'), view];
    this.visibilityChanged();
  }

  back(): void {
    this.path = this.path.length > 1 ? this.path.slice(0, -1) : this.path;
    this.visibilityChanged();
  }

  async setLanguage(language: Language): Promise<void> {
    this.keep.set('language', language);
    await this.speak(language);
  }

  close(): void {
    // At once, not when the page says so: what comes in this moment is not read any more.
    this.isOpen = !this.isEmbedded;
    this.visibilityChanged();
    this.page.tell({ t: 'close' });
  }

  private async open(identity?: string): Promise<void> {
    clearTimeout(this.retryTimer);
    this.problem = null;
    try {
      this.enter(await this.askForSession(identity));
      this.retryMs = FIRST_RETRY_MS;
    } catch (e) {
      this.problem = e;
      if (!(e instanceof ApiProblem) || !e.isTransient) return;
      this.retryTimer = setTimeout(() => void this.begin(identity), this.retryMs);
      this.retryMs = Math.min(MAX_RETRY_MS, this.retryMs * 2);
    }
  }

  /** What is refused is left away step by step: help must not fail because a signature has expired or a token is old. */
  private async askForSession(identity?: string): Promise<Session> {
    const body = {
      inbox: this.config.inbox,
      token: this.token ?? undefined,
      identity,
      locale: this.language,
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      page: document.referrer.split(/[?#]/)[0]?.slice(0, 500),
    };
    const ask = () => unwrap(this.api.POST('/api/v1/visitor/session', { body }));
    const isRefusal = (e: unknown) => e instanceof ApiProblem && (e.status === 401 || e.status === 422);
    try {
      return await ask();
    } catch (e) {
      if (!isRefusal(e) || !body.identity) throw e;
      console.warn('Stablehand: the identity was refused:', (e as Error).message);
      body.identity = undefined;
      return await ask();
    }
  }

  private enter(session: Session): void {
    const former = this.session?.customer;
    // Who signs in keeps what is written; who takes the place of somebody else does not.
    if (former?.is_verified && former.id !== session.customer.id) {
      this.chat.reset();
      this.uploads?.drop();
    }
    const isSameLine = this.session !== null && this.token === session.token;
    this.session = session;
    this.token = session.token;
    this.keepToken(session);
    const color = session.inbox.accent;
    setAccent(color);
    this.page.tell({ t: 'accent', color, ink: accentInk(color) });
    const isSameTalk = session.conversation?.id === this.chat.conversation?.id;
    if (!isSameLine || !isSameTalk) void this.chat.start(session.conversation);
  }

  /** A visitor's token is all they have, so the browser keeps it. A signed customer is signed in by the page each time: theirs is never written down. */
  private keepToken({ customer, token }: Session): void {
    if (!customer.is_verified) {
      this.keep.set('token', token);
      return;
    }
    const former = this.keep.get('signed');
    if (former !== null && former !== customer.id) this.leaveSigned();
    this.keep.set('signed', customer.id);
    this.keep.set('token', null);
    this.tabs.tell(token);
  }

  /** What a signed customer left unsent in tabs that are gone is not for the next person. */
  private leaveSigned(): void {
    this.keep.set('signed', null);
    this.keep.set('draft', null);
    void this.box.adopt(() => undefined);
  }

  private async speak(language: Language): Promise<void> {
    if (language === this.language) return;
    try {
      await loadWords(language);
    } catch {
      return; // No line now: the words stay as they are.
    }
    this.language = language;
    document.documentElement.lang = language;
    // The greeting comes in the language of the session.
    if (this.session) void this.begin();
  }

  private hear(message: ToFrame): void {
    switch (message.t) {
      case 'visible':
        this.isOpen = message.open;
        if (message.open && this.chat.unread.length > 0) this.show({ name: 'chat' });
        this.visibilityChanged();
        break;
      case 'identify':
        clearTimeout(this.signInTimer);
        void this.begin(message.identity);
        break;
      case 'logout':
        clearTimeout(this.signInTimer);
        this.tabs.tell(null);
        this.leaveChat();
        break;
      case 'locale':
        void this.speak(pickLanguage([message.locale]));
        break;
    }
  }

  private wake(): void {
    if (this.session) this.chat.nudge();
    else if (this.problem) void this.begin();
  }

  private visibilityChanged(): void {
    const isVisible = this.isOpen && this.view.name === 'chat' && document.visibilityState === 'visible';
    if (isVisible && !this.chat.isVisible) {
      this.newSince = this.chat.unread[0]?.seq ?? 0;
      this.chat.nudge();
    }
    this.chat.isVisible = isVisible;
  }

  private tellUnread(unread: readonly Message[]): void {
    const last = unread.at(-1);
    const preview = last ? plainPreview(last.body) || this.w('attachment') : '';
    this.page.tell({ t: 'unread', count: this.chat.isVisible ? 0 : unread.length, preview });
  }

  private sessionLost(): void {
    const now = Date.now();
    const isAgain = now - this.lostAt < 10_000;
    this.lostAt = now;
    if (isAgain) this.forget();
    this.session = null;
    void this.begin();
  }

  /** Another tab has a new visitor's token, or (signed in or out, which it says itself) none any more. */
  private otherTabVisits(token: string | null): void {
    if (token === null || token === this.token || this.session?.customer.is_verified) return;
    this.takeToken(token);
  }

  private otherTabSigned(token: string | null): void {
    if (token === null) this.leaveChat();
    else if (token !== this.token) this.takeToken(token);
  }

  private takeToken(token: string): void {
    clearTimeout(this.signInTimer);
    this.turn = this.turn.then(() => void (this.token = token));
    void this.begin();
  }

  private leaveChat(): void {
    this.turn = this.turn.then(() => {
      this.forget();
      this.page.tell({ t: 'known', known: false });
    });
    void this.begin();
  }

  private ringFor(news: Message | null): void {
    if (!news || this.isMuted || this.chat.isVisible) return;
    const name = `stablehand/${this.config.inbox}/sound`;
    void import('./sound.js').then(({ ring }) => ring(name, navigator.locks)).catch(() => undefined);
  }

  mute(isMuted: boolean): void {
    this.isMuted = isMuted;
    this.keep.set('muted', isMuted ? '1' : null);
  }

  private forget(): void {
    this.token = null;
    this.keep.set('token', null);
    this.keep.set('signed', null);
    this.keep.set('draft', null);
    this.keep.set('introduced', null);
    this.isIntroduced = false;
    this.topic = '';
    this.box.forgetAll();
    this.session = null;
    this.chat.reset();
    this.uploads?.drop();
    this.path = [{ name: 'home' }];
    this.visibilityChanged();
  }
}
