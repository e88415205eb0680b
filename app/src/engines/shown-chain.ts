// What of a judged chain is shown.
import type { JudgedChain } from 'pgenrm';
import type { ShownChain } from './engine.js';

export function shownChain(chain: JudgedChain, atMs: number): ShownChain {
  const { level, index, seed, order, text, reading, scores, lost, tokens } = chain;
  return { level, index, seed, order, text, reading, scores, lost, tokens, atMs };
}
