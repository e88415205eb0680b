// Which engine judges: whoever serves the page says so in it.
import { browserEngine } from './browser-engine.js';
import type { Engine } from './engine.js';
import { serverEngine } from './server-engine.js';

/** `token`: what a server may ask for. */
export function chooseEngine(token: () => string): Engine {
  const named = document.querySelector<HTMLMetaElement>('meta[name="pgenrm-engine"]')?.content;
  return named === 'server' ? serverEngine(token) : browserEngine();
}
