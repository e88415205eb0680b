// What is wrong with a guided chain: nothing (null), or a short text.

/** Texts that stand in the example of the prompt, and that no chain of its own has. */
const EXAMPLE = ['<name>', '<reason>', '(A*0.V)', '(C*0.V)'];

/** `responses`: how many the chain has to score. */
export function faultOf({ reading, scores, text }, responses) {
  if (reading === null || reading === undefined || scores === null) return 'not usable';
  if (scores.length !== responses) return `${scores.length} scores for ${responses} responses`;
  const outside = scores.find((score) => !(score >= 1 && score <= 10));
  if (outside !== undefined) return `a score of ${outside}`;
  const weights = reading.rubric.reduce((sum, { weight }) => sum + weight, 0);
  if (!(Math.abs(weights - 100) < 1)) return `weights that sum to ${weights}`;
  for (const distribution of (reading.distributions ?? []).flat()) {
    const sum = distribution.reduce((total, share) => total + share, 0);
    if (!(Math.abs(sum - 1) < 1e-3)) return `a distribution that sums to ${sum}`;
  }
  if (reading.distributions?.length !== responses) return 'no distributions';
  const copied = EXAMPLE.find((part) => text.includes(part));
  return copied === undefined ? null : `repeats the example: ${copied}`;
}
