// Dark or light: as the system says, until the user says otherwise; kept in this browser.
import { useLayoutEffect, useState } from 'preact/hooks';

type Theme = 'light' | 'dark';
const KEY = 'pgenrm-theme';

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : null;
  } catch {
    return null; // a browser that keeps nothing for this page
  }
}

export function ThemeButton() {
  const [theme, setTheme] = useState<Theme | null>(stored);
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const now = theme ?? system;
  useLayoutEffect(() => {
    if (theme === null) return;
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // it holds for this visit
    }
  }, [theme]);
  const other = now === 'dark' ? 'light' : 'dark';
  return (
    <button type="button" class="quiet" onClick={() => setTheme(other)}>
      {other === 'dark' ? 'Dark' : 'Light'}
      <span class="hidden"> colours</span>
    </button>
  );
}
