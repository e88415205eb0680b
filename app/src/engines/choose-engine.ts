// Which engine judges: a desktop application is known by its bridge, a server says so in the page that it gives.
import { browserEngine } from './browser-engine.js';
import { type Bridge, desktopEngine } from './desktop-engine.js';
import type { Engine } from './engine.js';
import { serverEngine } from './server-engine.js';

/** `token`: what a server may ask for. */
export function chooseEngine(token: () => string): Engine {
  const { judge } = window as { readonly judge?: Bridge };
  if (judge !== undefined) return desktopEngine(judge);
  const named = document.querySelector<HTMLMetaElement>('meta[name="pgenrm-engine"]')?.content;
  return named === 'server' ? serverEngine(token) : browserEngine();
}
