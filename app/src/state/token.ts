// The token of a server that asks for one: kept as long as this tab, and nowhere else.

const KEY = 'pgenrm-token';
let token = '';

export function keptToken(): string {
  if (token !== '') return token;
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return ''; // a browser that keeps nothing for this page
  }
}

export function keepToken(given: string): void {
  token = given.trim();
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // it holds until the page is left
  }
}
