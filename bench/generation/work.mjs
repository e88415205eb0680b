// The work as contenders see it: which prompts an order names, and what counts as done.
// Shared by the bench and its children, so that all of them do the same.

/**
 * Items of groups `{ samples, prompt }` that an order names. `order.head` takes the place of every prompt's first
 * token: no run finds what an earlier one left in a cache, while prompts of one run share what they share.
 */
export function itemsOf(work, order) {
  const items = namedItems(work, order);
  if (order.head === undefined) return items;
  return items.map(({ groups }) => ({
    groups: groups.map(({ samples, prompt }) => ({ samples, prompt: [order.head, ...prompt.slice(1)] })),
  }));
}

function namedItems(work, { run, items, samples }) {
  if (run === 'dataSet') return work.dataSet.slice(0, items ?? work.dataSet.length);
  if (run === 'check') return work.checks.map(({ prompt }) => ({ groups: [{ samples, prompt }] }));
  return [{ groups: [{ samples, prompt: work[run] }] }];
}

/** Samples that an order asks for. */
export function samplesOf(work, order) {
  return itemsOf(work, order).reduce(
    (sum, { groups }) => sum + groups.reduce((inItem, { samples }) => inItem + samples, 0),
    0,
  );
}

/** Tokens of all prompts, each group's once: what a cache with nothing in it has to decode without sharing. */
export function promptTokensOf(work, order) {
  return itemsOf(work, order).reduce(
    (sum, { groups }) => sum + groups.reduce((inItem, { prompt }) => inItem + prompt.length, 0),
    0,
  );
}

/** Throws where a run did not write what was asked. */
export function checkDone(work, order, result) {
  const wanted = samplesOf(work, order) * order.tokens;
  if (result.generatedTokens !== wanted) {
    throw new Error(`wrote ${result.generatedTokens} tokens where ${wanted} were asked for`);
  }
}
