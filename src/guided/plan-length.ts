// How many tokens a plan's sample can have: what a prompt must leave free of the context.
// Knows parts and bounds; tokens of texts are counted by whoever can.

import type { Plan } from '../generator/plan.js';
import { checkPlan } from '../generator/plan-bounds.js';

/**
 * The most tokens that a sample of a plan can have, as a generator reckons before it takes it up; `count` tells the tokens
 * of a text. Throws what `checkPlan` throws of a plan itself.
 */
export async function longestSample(plan: Plan, count: (text: string) => Promise<number>): Promise<number> {
  const counts = new Map<string, number>();
  const longest = (): number =>
    checkPlan(plan, {
      promptTokens: 0,
      contextTokens: Number.POSITIVE_INFINITY,
      spell: (text) => {
        const length = counts.get(text) ?? 0;
        counts.set(text, length);
        return { length };
      },
    });
  // Which texts it asks for.
  longest();
  const texts = [...counts.keys()];
  const counted = await Promise.all(texts.map(count));
  for (const [index, text] of texts.entries()) counts.set(text, counted[index]!);
  return longest();
}
