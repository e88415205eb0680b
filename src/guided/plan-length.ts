// How many tokens a plan's sample can have: what a prompt must leave free of the context.
// Knows parts and bounds; tokens of texts are counted by whoever can.

import type { Plan, PlanPart } from '../generator/plan.js';

// Texts tokenized one by one, or joined to what a model wrote, can take a little more than all of them at once.
const SLACK = 2;

/** The most tokens that a sample of a plan can have; `count` tells the tokens of a text. */
export async function longestSample(plan: Plan, count: (text: string) => Promise<number>): Promise<number> {
  const found: Longest = { tokens: 0, texts: [], named: new Map() };
  walk(plan.parts, found);
  return found.tokens + (await count(found.texts.join('')));
}

interface Longest {
  tokens: number;
  /** Texts that are given or chosen, each as often as it can be written. */
  readonly texts: string[];
  readonly named: Map<string, PlanPart>;
}

function walk(parts: readonly PlanPart[], found: Longest): void {
  const write = (...texts: string[]): void => {
    found.texts.push(...texts);
    found.tokens += SLACK;
  };
  const rounds = (body: readonly PlanPart[], most: number): void => {
    for (let round = 0; round < most; round += 1) walk(body, found);
  };
  for (const part of parts) {
    if ('name' in part) found.named.set(part.name, part);
    if (part.kind === 'given') write(part.text);
    else if (part.kind === 'free') found.tokens += part.maxTokens + SLACK;
    else if (part.kind === 'choice') write(longestOf(part.texts), part.terminator ?? '');
    else if (part.kind === 'copy') {
      const source = found.named.get(part.of);
      if (source?.kind === 'free') found.tokens += source.maxTokens + SLACK;
      else if (source?.kind === 'choice') write(longestOf(source.texts));
    } else if (part.kind === 'repeat') {
      write(...Array.from({ length: part.most }, () => numbered(part.another, part)), part.end);
      rounds(part.body, part.most);
    } else {
      const repeat = found.named.get(part.over);
      const most = repeat?.kind === 'repeat' ? repeat.most : 0;
      write(...Array.from({ length: most }, () => numbered(part.between ?? '', part)));
      rounds(part.body, most);
    }
  }
}

function numbered(text: string, part: { readonly numbered?: string }): string {
  return part.numbered === undefined ? text : `${text}10${part.numbered}`;
}

function longestOf(texts: readonly string[]): string {
  return texts.reduce((longest, text) => (text.length > longest.length ? text : longest), '');
}
