/** `auto` follows the system. */
export type Theme = 'auto' | 'light' | 'dark';

export const themes: readonly Theme[] = ['auto', 'light', 'dark'];
const storedAs = 'holdfast-theme';

export function readTheme(): Theme {
  try {
    const stored = localStorage.getItem(storedAs) as Theme | null;
    return stored !== null && themes.includes(stored) ? stored : 'auto';
  } catch {
    return 'auto';
  }
}

export function applyTheme(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  try {
    localStorage.setItem(storedAs, theme);
  } catch {
    // A browser that keeps nothing still shows it now.
  }
  dispatchEvent(new Event('themechange'));
}

/** Calls back when colours may have changed, whether by choice or with the system. */
export function onThemeChange(changed: () => void): () => void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', changed);
  addEventListener('themechange', changed);
  return () => {
    dark.removeEventListener('change', changed);
    removeEventListener('themechange', changed);
  };
}
