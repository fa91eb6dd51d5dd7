import './style.css';
import { pairs, step, type Pair } from './market.js';
import { words, type Language, type WordKey } from './words.js';

interface Person {
  uid: string;
  name: string;
  tier: string;
  locale: string;
}
type Stablehand = (command: string, value?: string) => void;

const SVG = 'http://www.w3.org/2000/svg';
const $ = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
let language: Language = /^zh/i.test(localStorage.getItem('nova-language') ?? navigator.language)
  ? 'zh-CN'
  : 'en';
let people: Person[] = [];
const w = (key: WordKey): string => words[language][key];
const desk = () => (window as unknown as { Stablehand?: Stablehand }).Stablehand;
const signedIn = () => people.find((p) => p.uid === sessionStorage.getItem('nova-person'));

function element(tag: string, className: string, text: string): HTMLElement {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

function curve(pair: Pair): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  const line = document.createElementNS(SVG, 'polyline');
  const [low, high] = [Math.min(...pair.week), Math.max(...pair.week)];
  const points = pair.week.map((v, i) => `${(i * 96) / 27 + 2},${26 - ((v - low) / (high - low)) * 24}`);
  svg.setAttribute('viewBox', '0 0 100 28');
  svg.setAttribute('aria-hidden', 'true');
  line.setAttribute('points', points.join(' '));
  svg.append(line);
  return svg;
}

const cells = new Map<Pair, { price: HTMLElement; change: HTMLElement }>();
function drawPair({ base: _, ...rest }: Pair, cell: { price: HTMLElement; change: HTMLElement }): void {
  const format = new Intl.NumberFormat(language, {
    minimumFractionDigits: rest.digits,
    maximumFractionDigits: rest.digits,
  });
  cell.price.textContent = format.format(rest.price);
  cell.change.textContent = `${rest.change < 0 ? '−' : '+'}${Math.abs(rest.change).toFixed(2)} %`;
  cell.change.className = `n ${rest.change < 0 ? 'down' : 'up'}`;
}

function drawMarkets(): void {
  const rows = pairs.map((pair) => {
    const row = document.createElement('tr');
    const name = element('th', '', pair.base);
    name.setAttribute('scope', 'row');
    name.append(element('small', '', ' / USDT'));
    const cell = { price: element('td', 'n', ''), change: element('td', 'n', '') };
    const week = element('td', `n wide curve ${pair.change < 0 ? 'down' : 'up'}`, '');
    week.append(curve(pair));
    row.append(name, cell.price, cell.change, element('td', 'n wide', pair.volume), week);
    cells.set(pair, cell);
    drawPair(pair, cell);
    return row;
  });
  $('rows').replaceChildren(...rows);
}

function drawAssets(): void {
  const person = signedIn();
  $('who').textContent = person ? `${person.name} · ${person.tier} · UID ${person.uid}` : w('signInFirst');
  $('sum').textContent = person ? (person.tier === 'VIP' ? '182,406.55' : '3,917.20') : '—';
  const events: [WordKey, WordKey, string][] = [
    ['depositWaiting', 'depositState', 'wait'],
    ['withdrawal', 'withdrawalState', 'wait'],
    ['order', 'orderState', 'done'],
  ];
  const items = events.map(([what, state, kind]) => {
    const item = element('li', '', w(what));
    item.append(element('span', kind, w(state)));
    return item;
  });
  $('events').replaceChildren(...(person ? items : []));
}

function drawPeople(): void {
  const select = $<HTMLSelectElement>('person');
  const options = [{ uid: '', name: w('anonymous'), tier: '' }, ...people].map(({ uid, name, tier }) => {
    const option = document.createElement('option');
    option.value = uid;
    option.textContent = tier ? `${name} (${tier})` : name;
    return option;
  });
  select.replaceChildren(...options);
  select.value = signedIn()?.uid ?? '';
}

function draw(): void {
  document.documentElement.lang = language;
  document.title = w('brand');
  for (const node of document.querySelectorAll<HTMLElement>('[data-w]')) {
    node.textContent = w(node.dataset['w'] as WordKey);
  }
  const button = $('language');
  button.textContent = w('language');
  button.lang = language === 'en' ? 'zh-CN' : 'en';
  for (const id of ['help', 'help2']) $<HTMLAnchorElement>(id).href = `/help/${language}`;
  drawMarkets();
  drawAssets();
  drawPeople();
  document.body.dataset['drawn'] = '';
}

/** What the exchange's own back end would do: sign who this is. */
async function identify(): Promise<void> {
  const person = signedIn();
  if (!person) return;
  const response = await fetch('/api/demo/identity', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ uid: person.uid }),
  });
  if (!response.ok) return;
  const { identity } = (await response.json()) as { identity: string };
  desk()?.('identify', identity);
}

async function changePerson(uid: string): Promise<void> {
  const before = signedIn();
  if (uid) sessionStorage.setItem('nova-person', uid);
  else sessionStorage.removeItem('nova-person');
  drawAssets();
  // An anonymous visitor who signs in keeps the talk; one who leaves or is somebody else does not.
  if (before) desk()?.('logout');
  await identify();
}

function loadWidget(inbox: string): Promise<void> {
  return new Promise((resolve) => {
    const script = document.createElement('script');
    script.src = '/widget/loader.js';
    script.dataset['inbox'] = inbox;
    script.dataset['locale'] = language;
    script.dataset['accent'] = '#0f766e';
    script.onload = () => resolve();
    document.head.append(script);
  });
}

async function start(): Promise<void> {
  draw();
  const response = await fetch('/api/demo');
  if (!response.ok) {
    document.querySelector('.notice')!.textContent = w('notDemo');
    return;
  }
  const demo = (await response.json()) as { inbox: string; people: Person[] };
  people = demo.people;
  drawPeople();
  drawAssets();
  await loadWidget(demo.inbox);
  await identify();
}

$('language').onclick = () => {
  language = language === 'en' ? 'zh-CN' : 'en';
  localStorage.setItem('nova-language', language);
  draw();
  desk()?.('locale', language);
};
$<HTMLSelectElement>('person').onchange = (e) => void changePerson((e.target as HTMLSelectElement).value);
$('ask').onclick = () => desk()?.('open');
if (!matchMedia('(prefers-reduced-motion: reduce)').matches) {
  setInterval(() => {
    const { pair, isUp } = step();
    const cell = cells.get(pair);
    if (!cell || document.hidden) return;
    drawPair(pair, cell);
    cell.price.className = `n ${isUp ? 'rise' : 'fall'}`;
    setTimeout(() => (cell.price.className = 'n'), 500);
  }, 1_200);
}
void start();
