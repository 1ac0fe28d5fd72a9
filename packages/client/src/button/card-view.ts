import type { Act, Action, Card, Fact } from './card.ts';
import { style } from './style.ts';

export interface CardView {
  show(card: Card): void;
}

/**
 * The card as elements, made once and changed where something differs: focus stays where it is, and a screen reader
 * hears of nothing but the live region. `pressed` is called for every button; a busy card presses nothing.
 */
export function createCardView(root: ShadowRoot, pressed: (act: Act) => void): CardView {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  root.adoptedStyleSheets = [sheet];

  const price = make('bdi', 'price');
  const stock = make('span', 'stock');
  const top = make('div', 'top', price, stock);
  const stockFill = make('i', '');
  const stockBar = make('div', 'stock-bar', stockFill);
  const title = make('h2', 'title');
  title.tabIndex = -1;
  const text = make('p', 'text');
  const clockLabel = make('span', '');
  const clockTime = make('b', 'time');
  clockTime.dir = 'ltr';
  clockTime.setAttribute('role', 'timer');
  const clockFill = make('i', '');
  const clockBar = make('div', 'time-bar', clockFill);
  const clock = make('div', 'clock', clockLabel, make('div', '', clockTime));
  const notice = make('p', 'notice');
  const acts = make('div', 'actions');
  const facts = make('dl', 'facts');
  const body = make('div', 'card', title, text, clock, clockBar, notice, acts, facts);
  const said = make('p', 'said');
  said.setAttribute('role', 'status');
  root.append(top, stockBar, body, said);

  let shownFacts = '';
  let kind = '';
  let lastSaid = '';

  function show(card: Card): void {
    set(price, card.price);
    set(stock, card.stock);
    top.hidden = card.price === '' && card.stock === '';
    stockBar.hidden = card.stockShare === null;
    stockFill.style.inlineSize = `${(card.stockShare ?? 0) * 100}%`;
    set(title, card.title);
    set(text, card.text);
    clock.hidden = card.clock === null;
    set(clockLabel, card.clock?.label ?? '');
    set(clockTime, card.clock?.time ?? '');
    clockBar.hidden = (card.clock?.share ?? null) === null;
    clockFill.style.inlineSize = `${(card.clock?.share ?? 0) * 100}%`;
    set(notice, card.notice);
    body.dataset['kind'] = card.kind;
    body.dataset['hurry'] = card.hurry;
    const hadFocus = acts.contains(root.activeElement);
    showActions(acts, card.actions, card.isBusy, pressed);
    if (JSON.stringify(card.facts) !== shownFacts) {
      shownFacts = JSON.stringify(card.facts);
      facts.replaceChildren(...card.facts.flatMap(factOf));
    }
    // What had the focus is gone: it goes to the words above, not to the top of the page. Not to the next button: a key
    // that was held a moment too long must not pay.
    if (hadFocus && !acts.contains(root.activeElement))
      (title.hidden ? acts.querySelector<HTMLElement>('button') : title)?.focus({ preventScroll: true });
    if (card.said !== lastSaid && kind !== '') said.textContent = card.said;
    lastSaid = card.said;
    kind = card.kind;
  }

  return { show };
}

function showActions(
  acts: HTMLElement,
  wanted: Action[],
  isBusy: boolean,
  pressed: (act: Act) => void,
): void {
  const had = new Map([...acts.children].map((child) => [(child as HTMLElement).dataset['act'], child]));
  const shown = wanted.map((action) => {
    const old = had.get(action.act) as HTMLElement | undefined;
    const control = old ?? controlOf(action, pressed);
    set(control, action.label);
    name(control, action.isMain ? 'button main' : 'button');
    control.setAttribute('aria-disabled', String(isBusy));
    if (action.href !== null) control.setAttribute('href', action.href);
    return control;
  });
  if (shown.length === acts.children.length && shown.every((control, at) => acts.children[at] === control))
    return;
  acts.replaceChildren(...shown);
}

function controlOf({ act, href }: Action, pressed: (act: Act) => void): HTMLElement {
  const control = document.createElement(href === null ? 'button' : 'a');
  control.dataset['act'] = act;
  if (control instanceof HTMLAnchorElement) {
    control.target = '_blank';
    control.rel = 'noopener';
  } else control.setAttribute('type', 'button');
  control.addEventListener('click', () => {
    if (control.getAttribute('aria-disabled') !== 'true') pressed(act);
  });
  return control;
}

function factOf({ name, value, isCode }: Fact): HTMLElement[] {
  const shown = make('bdi', isCode ? 'code' : '');
  if (isCode) shown.dir = 'ltr';
  shown.textContent = value;
  const term = make('dt', '');
  term.textContent = name;
  return [term, make('dd', '', shown)];
}

function make(tag: string, part: string, ...children: HTMLElement[]): HTMLElement {
  const element = document.createElement(tag);
  name(element, part);
  element.append(...children);
  return element;
}

/** By its part for the page around it, and by a class of the same name for the style here. */
function name(element: HTMLElement, part: string): void {
  element.className = part;
  element.setAttribute('part', part);
}

/** An empty one takes no room. */
function set(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === '';
}
