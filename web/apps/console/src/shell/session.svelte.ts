import { ApiProblem, createApi, unwrap, type Schema } from '@stablehand/api';
import { locale } from './locale.svelte.js';
import { theme } from './theme.svelte.js';

export type Me = Schema['Me'];
export type Preferences = Schema['Preferences'];
export type Permission =
  | 'conversation.read'
  | 'conversation.read_all'
  | 'conversation.reply'
  | 'conversation.assign'
  | 'customer.read'
  | 'customer.edit'
  | 'agent.manage'
  | 'role.manage'
  | 'team.manage'
  | 'apikey.manage'
  | 'inbox.manage'
  | 'workspace.manage'
  | 'canned.manage'
  | 'article.read'
  | 'article.manage'
  | 'article.publish'
  | 'bot.read'
  | 'bot.manage'
  | 'live.read';

type State = 'loading' | 'unreachable' | 'setup' | 'signed-out' | 'signed-in';

/** Who sits here. Everything else of the console exists only while somebody is signed in. */
class Session {
  state = $state<State>('loading');
  me = $state.raw<Me | null>(null);
  brand = $state('');
  /** Set when a session ended by itself, for the sign-in page to say so. */
  ended = $state(false);

  readonly api = createApi({
    csrfToken: () => this.me?.csrf_token ?? null,
    onUnauthorized: () => this.lost(),
  });

  get agentId(): string {
    return this.me?.agent.id ?? '';
  }

  get csrfHeaders(): Record<string, string> {
    return this.me ? { 'X-CSRF-Token': this.me.csrf_token } : {};
  }

  may(permission: Permission): boolean {
    return this.me?.permissions.includes(permission) ?? false;
  }

  async start(): Promise<void> {
    this.state = 'loading';
    try {
      const setup = await unwrap(this.api.GET('/api/v1/setup'));
      this.brand = setup.brand;
      document.title = setup.brand || 'Stablehand';
      if (setup.needs_owner) {
        this.state = 'setup';
        return;
      }
      this.enter(await unwrap(this.api.GET('/api/v1/session')));
    } catch (problem) {
      this.state = problem instanceof ApiProblem && problem.status === 401 ? 'signed-out' : 'unreachable';
    }
  }

  async signIn(email: string, password: string, code?: string): Promise<void> {
    this.arrive(
      await unwrap(
        this.api.POST('/api/v1/session', { body: { email, password, ...(code ? { code } : {}) } }),
      ),
    );
  }

  /** Throws when the server did not hear of it: whoever leaves a desk must know that the session still stands. */
  async signOut(): Promise<void> {
    await unwrap(this.api.DELETE('/api/v1/session')).catch((problem: unknown) => {
      if (!(problem instanceof ApiProblem && problem.status === 401)) throw problem;
    });
    // A fresh page: nothing of the former person stays in memory.
    location.assign('/console/');
  }

  /** Somebody came in through one of the pages outside; the language chosen there becomes theirs. */
  arrive(me: Me): void {
    this.enter(me);
    if (locale.chosen && locale.chosen !== me.preferences.language)
      void this.prefer({ language: locale.chosen }).catch(() => undefined);
  }

  enter(me: Me): void {
    this.me = me;
    this.ended = false;
    this.state = 'signed-in';
    theme.set(me.preferences.theme);
    locale.follow(me.preferences.language);
  }

  async prefer(change: Partial<Preferences>): Promise<void> {
    if (!this.me) return;
    const before = this.me;
    const preferences = { ...before.preferences, ...change };
    this.enter({ ...before, preferences });
    try {
      this.me = await unwrap(this.api.PATCH('/api/v1/me', { body: { preferences } }));
    } catch (problem) {
      this.enter(before);
      throw problem;
    }
  }

  /** The server says that there is no session (any more). */
  lost(): void {
    if (this.state !== 'signed-in') return;
    this.ended = true;
    this.me = null;
    this.state = 'signed-out';
  }
}

export const session = new Session();
