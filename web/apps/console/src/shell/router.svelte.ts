import { BASE, parseRoute, pathOf, type Route } from './routes.js';

/** History routing. Links are plain `<a href>`: a click inside the console is taken over here, so that opening in a new tab just works. */
class Router {
  route = $state.raw<Route>({ page: 'inbox', view: 'mine', conversation: null });
  query = $state.raw(new URLSearchParams());
  hash = $state('');
  /** Asked before leaving a page with unsaved work; false stays. */
  private guard: (() => boolean) | null = null;

  start(): void {
    this.read();
    addEventListener('popstate', () => this.read());
    addEventListener('hashchange', () => this.read());
    document.addEventListener('click', (e) => this.clicked(e));
    addEventListener('beforeunload', (e) => {
      if (this.guard && !this.guard()) e.preventDefault();
    });
  }

  go(to: Route | string, options: { replace?: boolean } = {}): boolean {
    const path = typeof to === 'string' ? to : pathOf(to);
    if (path === location.pathname + location.search) return true;
    if (this.guard && !options.replace && !this.guard()) return false;
    this.guard = null;
    history[options.replace ? 'replaceState' : 'pushState'](null, '', path);
    this.read();
    return true;
  }

  /** One guard at a time; returns the function that takes it away. */
  hold(guard: () => boolean): () => void {
    this.guard = guard;
    return () => {
      if (this.guard === guard) this.guard = null;
    };
  }

  private read(): void {
    this.route = parseRoute(location.pathname);
    this.query = new URLSearchParams(location.search);
    this.hash = location.hash.slice(1);
  }

  private clicked(e: MouseEvent): void {
    if (e.defaultPrevented || e.button !== 0 || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
    const link = (e.target as Element).closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
    if (link.hash && link.pathname === location.pathname) return;
    e.preventDefault();
    this.go(link.pathname + link.search);
  }
}

export const router = new Router();
