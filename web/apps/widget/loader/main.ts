/** The script in the exchange's page: a button, and on first open an iframe with the app. Everything else loads in there.
 *
 *   <script src="https://desk.example/widget/loader.js" data-inbox="KEY" data-locale="zh-CN" data-accent="#0f766e" defer></script>
 *   Stablehand('identify', jwt); Stablehand('open'); Stablehand('close'); Stablehand('logout'); Stablehand('locale', 'en');
 *   Stablehand('unread', (count) => ...);
 *
 * docs/widget.md is the manual for those who build the page. */
import { envelope, read, TO_PAGE, type ToFrame, type ToPage } from './protocol.js';
import { STYLES } from './styles.js';

type Listener = (count: number) => void;
type Call = [command: string, value?: string | Listener];
interface Entry {
  (...call: Call): void;
  q?: Call[];
}

const LABELS = {
  en: {
    open: 'Contact support',
    close: 'Close support chat',
    frame: 'Support chat',
    hide: 'Dismiss',
    new: 'New message',
  },
  zh: { open: '联系客服', close: '关闭客服窗口', frame: '客服对话', hide: '忽略', new: '新消息' },
};
const SVG = 'http://www.w3.org/2000/svg';
const ICON_CHAT = 'M4 5h16v12h-8l-5 4v-4H4Z';
const ICON_DOWN = 'm6 9 6 6 6-6';
const OUT = 'out';

function start(script: HTMLScriptElement): void {
  const inbox = script.dataset['inbox'] ?? '';
  const deskUrl = new URL(script.src);
  const origin = deskUrl.origin;
  let locale = script.dataset['locale'] || document.documentElement.lang || navigator.language;
  function paint(name: string, color: string): void {
    if (/^#[0-9a-f]{6}$/i.test(color)) host.style.setProperty(name, color);
  }
  const words = () => LABELS[/^zh/i.test(locale) ? 'zh' : 'en'];

  const host = document.createElement('stablehand-widget');
  const root = host.attachShadow({ mode: 'closed' });
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES);
    root.adoptedStyleSheets = [sheet];
  } catch {
    // Older Safari: works unless the page forbids inline styles.
    root.append(Object.assign(document.createElement('style'), { textContent: STYLES }));
  }
  paint('--sh', script.dataset['accent'] ?? '');
  const box = make('div');
  const button = make('button', 'launch');
  const path = document.createElementNS(SVG, 'path');
  const icon = document.createElementNS(SVG, 'svg');
  icon.setAttribute('viewBox', '0 0 24 24');
  icon.append(path);
  button.append(icon);
  const badge = make('span', 'badge');
  badge.hidden = true;
  const bubble = make('div', 'bubble');
  bubble.setAttribute('role', 'status');
  const preview = make('button');
  preview.dir = 'auto';
  const hide = make('button', 'hide');
  hide.textContent = '×';
  box.append(bubble, button, badge);
  root.append(box);

  let frame: HTMLIFrameElement | null = null;
  let isOpen = false;
  let unread = 0;
  let opener: Element | null = null;
  let onUnread: Listener | undefined;
  let waiting: ToFrame[] | null = [];
  const seen = `stablehand-seen-${inbox}`;
  const greeted = `stablehand-greeted-${inbox}`;

  function tell(message: ToFrame): void {
    if (waiting) waiting.push(message);
    else frame!.contentWindow!.postMessage(envelope(message), origin);
  }

  function drawButton(): void {
    path.setAttribute('d', isOpen ? ICON_DOWN : ICON_CHAT);
    const { open, close } = words();
    button.setAttribute('aria-label', isOpen ? close : unread ? `${open} (${badge.textContent})` : open);
    button.setAttribute('aria-expanded', String(isOpen));
  }

  function makeFrame(): HTMLIFrameElement {
    const made = make('iframe');
    const query = new URLSearchParams({ inbox, origin: location.origin, locale });
    made.src = `${origin}/widget/frame?${query}`;
    made.title = words().frame;
    made.allow = 'clipboard-write; autoplay';
    box.prepend(made);
    return made;
  }

  /** The app runs, so that answers and sign-ins arrive; it stays closed. */
  function wake(): void {
    if (frame) return;
    frame = makeFrame();
    frame.hidden = true;
  }

  function setOpen(open: boolean): void {
    if (open === isOpen) return;
    // Whoever has the focus inside gets it back where it was; a page that closes us while the person works elsewhere is left in peace.
    const isInside = document.activeElement === host;
    if (open) opener = document.activeElement;
    isOpen = open;
    wake();
    frame!.hidden = !open;
    say('');
    box.classList.toggle('full', open);
    drawButton();
    tell({ t: 'visible', open });
    if (open) frame!.focus();
    else if (isInside) {
      button.focus();
      (opener as HTMLElement | null)?.focus();
    }
  }

  /** A few words beside the button; empty: none. */
  function say(text: string): void {
    preview.textContent = text;
    hide.setAttribute('aria-label', words().hide);
    bubble.replaceChildren(...(text ? [preview, hide] : []));
  }

  function showUnread(count: number, text: string): void {
    if (count !== unread) onUnread?.(count);
    unread = count;
    badge.hidden = !count;
    badge.textContent = count > 99 ? '99+' : `${count}`;
    say(isOpen || !count ? '' : text.slice(0, 160));
    drawButton();
    flash();
  }

  /** The title of a page in the background says that there is something new. It does not blink; what the page sets meanwhile stays. */
  let title = '';
  let news = '';
  function flash(): void {
    if (news && document.title === news) document.title = title;
    news = '';
    if (!unread || !document.hidden) return;
    title = document.title;
    document.title = news = `(${unread}) ${words().new}`;
  }

  const commands: Record<string, (value: never) => void> = {
    open: () => setOpen(true),
    close: () => setOpen(false),
    // Must happen even if the window is never opened: the next one at this browser must not find the talk.
    // Kept until the app has done it, because pages like to go elsewhere in the same moment.
    logout() {
      keep(seen, OUT);
      showUnread(0, '');
      wake();
      tell({ t: 'logout' });
    },
    identify(value: string) {
      if (kept(seen)) wake();
      tell({ t: 'identify', identity: `${value}` });
    },
    unread(listener: Listener) {
      onUnread = listener;
      listener(unread);
    },
    locale(value: string) {
      locale = `${value}`;
      drawButton();
      tell({ t: 'locale', locale });
    },
  };

  addEventListener('message', (event) => {
    const message = read<ToPage>(event, frame?.contentWindow, origin, TO_PAGE);
    if (!message) return;
    if (message.t === 'ready') {
      const before = waiting ?? [];
      waiting = null;
      before.forEach(tell);
    } else if (message.t === 'close') setOpen(false);
    else if (message.t === 'unread') showUnread(message.count, message.preview);
    else if (message.t === 'known') {
      if (!message.known || kept(seen) !== OUT) keep(seen, message.known ? '1' : '');
    } else {
      paint('--sh', message.color);
      paint('--si', message.ink);
    }
  });
  button.onclick = () => setOpen(!isOpen);
  preview.onclick = () => setOpen(true);
  hide.onclick = () => {
    say('');
    button.focus();
  };
  addEventListener('visibilitychange', flash);
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && isOpen) setOpen(false);
  });
  drawButton();
  document.body.append(host);

  const page = window as unknown as { Stablehand?: Entry };
  const early = page.Stablehand?.q ?? [];
  page.Stablehand = (command, value = '') => commands[command]?.(value as never);
  if (kept(seen) === OUT) commands['logout']!('' as never);
  for (const [command, value] of early) page.Stablehand(command, value);
  // Someone who has written before gets answers without opening the window first.
  if (kept(seen)) setTimeout(wake, 2000);
  // Off unless the page asks for it, and once per person: nobody likes to be addressed twice.
  const { greeting, greetingAfter = 20 } = script.dataset;
  if (greeting && !kept(greeted)) {
    setTimeout(() => {
      if (isOpen || unread || frame) return;
      say(greeting);
      keep(greeted, '1');
    }, +greetingAfter * 1000);
  }
}

function make<T extends keyof HTMLElementTagNameMap>(tag: T, className = ''): HTMLElementTagNameMap[T] {
  return Object.assign(document.createElement(tag), { className });
}

function kept(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keep(key: string, value: string): void {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch {
    // Then answers show when the window is opened.
  }
}

const script = document.currentScript as HTMLScriptElement | null;
if (script && !document.querySelector('stablehand-widget')) {
  if (document.body) start(script);
  else addEventListener('DOMContentLoaded', () => start(script));
}
