/** What the build put into the page for this script. */
export function pageData<Data>(): Data {
  return JSON.parse(document.getElementById('data')?.textContent ?? '{}') as Data;
}

export const language = document.documentElement.lang;

export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** An element with a class, texts and children. */
export function make(tag: string, className = '', ...children: (Node | string)[]): HTMLElement {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.append(...children);
  return element;
}

const chosenKey = 'holdfast:language';

/**
 * The language that was chosen by hand is chosen the next time too, also where the address does not say it; links to
 * other languages lead to the same sale.
 */
export function rememberLanguage(): void {
  const asked = new URLSearchParams(location.search);
  try {
    const chosen = localStorage.getItem(chosenKey);
    if (!asked.has('lang') && chosen !== null && chosen !== language) {
      asked.set('lang', chosen);
      location.replace(`?${asked}${location.hash}`);
    }
    for (const link of document.querySelectorAll<HTMLAnchorElement>('.tongue a')) {
      const to = new URLSearchParams(location.search);
      to.set('lang', link.lang);
      link.href = `?${to}`;
      link.addEventListener('click', () => localStorage.setItem(chosenKey, link.lang));
    }
  } catch {
    // A browser that keeps nothing for this page goes by the address alone.
  }
}
