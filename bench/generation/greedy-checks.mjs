// Greedy tokens that every contender has to write: node-llama-cpp's API says them, with the lead of each over the runner-up.
// Batches of other sizes and other attention kernels round otherwise, so that a near tie may fall either way: what is
// compared ends before one, and the next stretch goes on behind it, from the same tokens for all.
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { deviation } from '../harness/statistics.mjs';

/**
 * A near tie: the likeliest token leads the runner-up by less than this many standard deviations of all log-probabilities.
 * Flash attention on against off moved leads by 0.09 at the most, with 60M random weights and with the bundled model.
 */
export const NEAR_TIE = 0.15;

/** Tokens that are looked at after each prompt, and so the most that a check compares. */
export const CHECK_TOKENS = 24;

/** Checks of a model, and the tokens that they must compare together to say anything. */
const MOST_CHECKS = 12;
const LEAST_TOKENS = 16;

/** Checks `{ prompt, tokens, text }`: after these token ids come `tokens` tokens that spell `text`. Longest first. */
export async function greedyChecks({ model: modelPath, gpu, threads }, prompts) {
  const llama = await getLlama({
    gpu: gpu === 'off' ? false : gpu,
    logLevel: LlamaLogLevel.error,
    maxThreads: threads,
  });
  const model = await llama.loadModel({ modelPath });
  const contextSize = Math.max(...prompts.map((prompt) => prompt.length)) + CHECK_TOKENS + 8;
  const context = await model.createContext({ sequences: 1, contextSize, threads });
  const sequence = context.getSequence();
  const found = [];
  for (const prompt of prompts) {
    await sequence.clearHistory();
    found.push(...stretches(prompt, await write(model, sequence, prompt)));
  }
  await context.dispose();
  await model.dispose();
  const checks = found.sort((a, b) => b.tokens - a.tokens).slice(0, MOST_CHECKS);
  const compared = checks.reduce((sum, { tokens }) => sum + tokens, 0);
  if (compared < LEAST_TOKENS) {
    throw new Error(
      `only ${compared} greedy tokens lead clearly, ${LEAST_TOKENS} are needed to compare contenders`,
    );
  }
  return checks;
}

async function write(model, sequence, prompt) {
  const written = [];
  const before = [...prompt];
  const stream = sequence.evaluateWithMetadata(
    prompt,
    { probabilities: true },
    { temperature: 0, yieldEogToken: true },
  );
  for await (const { token, probabilities } of stream) {
    if (model.isEogToken(token)) break;
    const text = model.detokenize([token], false, before);
    written.push({ token, text, lead: leadOf([...probabilities.values()]) });
    before.push(token);
    if (written.length === CHECK_TOKENS) break;
  }
  return written;
}

/** How far the likeliest is ahead of the next, in standard deviations of all log-probabilities. */
export function leadOf(probabilities) {
  const logs = probabilities.map(Math.log).filter(Number.isFinite);
  const [first, second] = logs.toSorted((a, b) => b - a);
  return (first - second) / deviation(logs);
}

/**
 * The stretches of `written` (`{ token, text, lead }`) between tokens that no contender can be held to: near ties, and
 * those that are no whole characters or no text at all.
 */
export function stretches(prompt, written) {
  const found = [];
  let tokens = 0;
  let text = '';
  const end = (at) => {
    const before = written.slice(0, at - tokens).map(({ token }) => token);
    if (tokens > 0) found.push({ prompt: [...prompt, ...before], tokens, text });
    tokens = 0;
    text = '';
  };
  for (const [at, next] of written.entries()) {
    if (next.lead >= NEAR_TIE && next.text !== '' && !next.text.includes('\u{fffd}')) {
      tokens += 1;
      text += next.text;
    } else {
      end(at);
    }
  }
  end(written.length);
  return found;
}
