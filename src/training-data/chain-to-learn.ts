// The text of a chain as a student shall write it.
// Knows chains that were read; the form is that of `chain/write-chain`.

import type { EvaluationChain } from '../chain/read-chain.js';
import { type WrittenCriterion, writeChain } from '../chain/write-chain.js';
import { JSON_END } from '../prompt/markers.js';
import type { JudgedChain } from '../reward-model/judgment.js';
import type { Example } from './stages.js';

/** Criteria with weights that sum to 100, and a score of each for each response; null where one is missing. */
export function completeRubric({ rubric, weightSum, responses }: EvaluationChain): WrittenCriterion[] | null {
  if (rubric.length === 0 || weightSum === null || Math.abs(weightSum - 100) > 0.5) return null;
  if (responses.some(({ criterionScores }) => criterionScores === null)) return null;
  return rubric.map(({ name, weight }) => ({ name, weight: weight! }));
}

/**
 * The teacher's own text where nothing of it had to be mended and its scores are the sums of its breakdown; else what was
 * read of it, in the written form, without its reasons. The chain must have a complete rubric.
 */
export function chainToLearn({ text, reading }: JudgedChain): Pick<Example, 'completion' | 'rewritten'> {
  const trimmed = text.trim();
  const clean =
    reading.recovered.length === 0 &&
    reading.responses.every(({ inconsistent }) => !inconsistent) &&
    trimmed.startsWith('PART 1:') &&
    trimmed.endsWith(JSON_END);
  if (clean) return { completion: trimmed };
  const criteria = completeRubric(reading)!;
  const scores = reading.responses.map(({ criterionScores }) => criterionScores!);
  return { completion: writeChain({ persona: reading.personaText, criteria, scores }), rewritten: true };
}
