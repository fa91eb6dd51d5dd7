/** The script in the exchange's page: a button, and on first open an iframe with the app. Everything else loads in there.
 *
 *   <script src="https://desk.example/widget/loader.js" data-inbox="KEY" data-locale="zh-CN" data-accent="#0f766e" defer></script>
 *   Stablehand('identify', jwt); Stablehand('open'); Stablehand('close'); Stablehand('logout'); Stablehand('locale', 'en'); */
import { envelope, read, type ToFrame, type ToPage } from './protocol.js';
import { STYLES } from './styles.js';

type Call = [command: string, value?: string];
interface Entry {
  (...call: Call): void;
  q?: Call[];
}

const LABELS = {
  en: { open: 'Contact support', close: 'Close support chat', frame: 'Support chat' },
  zh: { open: '联系客服', close: '关闭客服窗口', frame: '客服对话' },
};
const ICON_CHAT = 'M4 5h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-8l-5 4v-4H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1Z';
const ICON_DOWN = 'm6 9 6 6 6-6';

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
  const box = document.createElement('div');
  const button = document.createElement('button');
  button.className = 'launch';
  button.type = 'button';
  const badge = document.createElement('span');
  badge.className = 'badge';
  badge.hidden = true;
  const preview = document.createElement('button');
  preview.className = 'preview';
  preview.type = 'button';
  preview.hidden = true;
  box.append(preview, button, badge);
  root.append(box);

  let frame: HTMLIFrameElement | null = null;
  let isReady = false;
  let isOpen = false;
  const waiting: ToFrame[] = [];
  const seen = `stablehand-seen-${inbox}`;

  function tell(message: ToFrame): void {
    if (isReady) frame?.contentWindow?.postMessage(envelope(message), origin);
    else waiting.push(message);
  }

  function drawButton(): void {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    for (const [name, value] of Object.entries({
      viewBox: '0 0 24 24',
      fill: 'none',
      stroke: 'currentColor',
      'stroke-width': '2',
      'aria-hidden': 'true',
    })) {
      svg.setAttribute(name, value);
    }
    path.setAttribute('d', isOpen ? ICON_DOWN : ICON_CHAT);
    svg.append(path);
    button.replaceChildren(svg);
    button.setAttribute('aria-label', isOpen ? words().close : words().open);
    button.setAttribute('aria-expanded', String(isOpen));
  }

  function makeFrame(): HTMLIFrameElement {
    const made = document.createElement('iframe');
    const query = new URLSearchParams({ inbox, origin: location.origin, locale });
    made.src = `${origin}/widget/frame?${query}`;
    made.title = words().frame;
    made.allow = 'clipboard-write';
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
    isOpen = open;
    wake();
    frame!.hidden = !open;
    preview.hidden = true;
    box.classList.toggle('full', open);
    drawButton();
    tell({ t: 'visible', open });
    if (open) frame!.focus();
    else button.focus();
  }

  function showUnread(count: number, text: string): void {
    badge.hidden = count === 0;
    badge.textContent = count > 99 ? '99+' : String(count);
    preview.hidden = isOpen || count === 0 || !text;
    preview.textContent = text.slice(0, 160);
    button.setAttribute(
      'aria-label',
      count ? `${words().open} (${badge.textContent})` : isOpen ? words().close : words().open,
    );
  }

  const commands: Record<string, (value: string) => void> = {
    open: () => setOpen(true),
    close: () => setOpen(false),
    // Must happen even if the window is never opened: the next one at this browser must not find the talk.
    logout() {
      wake();
      tell({ t: 'logout' });
    },
    identify(identity) {
      if (kept(seen)) wake();
      tell({ t: 'identify', identity });
    },
    locale(value) {
      locale = value;
      drawButton();
      tell({ t: 'locale', locale });
    },
  };

  addEventListener('message', (event) => {
    const message = read<ToPage>(event, frame?.contentWindow, origin);
    if (!message || !frame) return;
    if (message.t === 'ready') {
      isReady = true;
      for (const m of waiting.splice(0)) tell(m);
    } else if (message.t === 'close') setOpen(false);
    else if (message.t === 'unread') showUnread(message.count, message.preview);
    else if (message.t === 'known') keep(seen, message.known);
    else {
      paint('--sh', message.color);
      paint('--si', message.ink);
    }
  });
  button.onclick = () => setOpen(!isOpen);
  preview.onclick = () => setOpen(true);
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && isOpen) setOpen(false);
  });
  drawButton();
  document.body.append(host);

  const page = window as unknown as { Stablehand?: Entry };
  const early = page.Stablehand?.q ?? [];
  page.Stablehand = (command, value = '') => commands[command]?.(String(value));
  for (const [command, value] of early) page.Stablehand(command, value);
  // Someone who has written before gets answers without opening the window first.
  if (kept(seen)) setTimeout(wake, 2000);
}

function kept(key: string): boolean {
  try {
    return localStorage.getItem(key) !== null;
  } catch {
    return false;
  }
}

function keep(key: string, on: boolean): void {
  try {
    if (on) localStorage.setItem(key, '1');
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
