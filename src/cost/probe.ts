// Requests of known size, whose times tell prompts, rows and context apart for the cost model.
// Knows a generator and texts to make prompts of.

import type { PreferenceRow } from '../data/preference-data.js';
import { PgenrmError } from '../errors.js';
import type { Probe } from './bench-plan.js';
import type { BlockClock } from './block-clock.js';
import type { MeteredGenerator } from './metered-generator.js';

/** What a probe runs on. */
export interface ProbeParts {
  readonly generator: MeteredGenerator;
  readonly rows: readonly PreferenceRow[];
  readonly signal: AbortSignal;
}

/** Times one request; its prompt shares nothing with any other. Errors: `INTERNAL` where it gave another number of tokens; the generator's. */
export async function runProbe(
  { generator, rows, signal }: ProbeParts,
  probe: Probe,
  round: number,
  clock: BlockClock,
): Promise<void> {
  const prompt = probePrompt(generator, rows, probe, round);
  const seeds = Array.from({ length: probe.samples }, (_, index) => index + 1);
  const { newTokens } = probe;
  clock.begin();
  const { usage } = await generator.generate({
    prompt,
    seeds,
    sampling: { temperature: 1, topP: 1, minP: 0 },
    minTokens: newTokens,
    maxTokens: newTokens,
    signal,
  });
  clock.end();
  if (usage.generatedTokens !== probe.samples * newTokens || usage.decodedPromptTokens > prompt.length) {
    throw new PgenrmError(
      'INTERNAL',
      `a request for ${probe.samples} x ${newTokens} tokens gave ${usage.generatedTokens}`,
    );
  }
}

/** Tokens of the data's own texts, begun by a text that no other prompt begins with: nothing of it is shared. */
function probePrompt(
  { tokenizer }: MeteredGenerator,
  rows: readonly PreferenceRow[],
  { promptTokens, samples }: Probe,
  round: number,
): Int32Array {
  const texts = rows.flatMap(({ item }) => [
    ...item.context.map(({ content }) => content),
    ...item.candidates,
  ]);
  const own = tokenizer.tokenize(`${samples} of ${promptTokens} in ${round}: `);
  const tokens: number[] = [...own];
  for (let at = 0; tokens.length < promptTokens; at += 1) {
    const more = tokenizer.tokenize(` ${texts[at % texts.length]}`);
    for (const token of more) tokens.push(token);
  }
  return Int32Array.from(tokens.slice(0, promptTokens));
}
