// Which engine judges: whoever serves the page says so in it, and a desktop application is known by its bridge.
import { browserEngine } from './browser-engine.js';
import type { Engine } from './engine.js';

export function chooseEngine(): Engine {
  return browserEngine();
}
