// Settles the scores of one part 2: what its JSON states, what its breakdown says, which of them counts.
// Knows the parts of a chain as read; knows nothing of how they are written.

import { divideRationale, type ResponseBreakdown, readResponseBlocks } from './breakdown.js';
import type { JsonPart } from './json-part.js';
import { plainText } from './plain-text.js';
import type {
  ChainRepair,
  EvaluationChain,
  LostReason,
  ReadChainOptions,
  ResponseScore,
} from './read-chain.js';
import { type Criterion, readRubric, sumWeights } from './rubric.js';
import { type ScoreReading, withoutNoise } from './score-text.js';

/** One part 2, read. */
export interface PartReading extends Pick<EvaluationChain, 'usable' | 'rubric' | 'responses' | 'recovered'> {
  readonly lost?: LostReason;
  /** The object is whole and has an entry for every response. */
  readonly complete: boolean;
}

const WEIGHT_SUM_TOLERANCE = 0.5;
// Half a step of the one decimal that chains are asked for, and a little for the arithmetic.
const ROUNDING_TOLERANCE = 0.06;

/** Reads one part 2; `part1Rubric` stands in where the rationale lists no criteria. */
export function readJsonPart(
  part: JsonPart,
  part1Rubric: readonly Criterion[],
  options: ReadChainOptions,
): PartReading {
  const recovered = new Set<ChainRepair>(part.repairs);
  const rationale = withLineBreaks(part.rationale, recovered);
  const divided = divideRationale(rationale);
  const ownRubric = readRubric(divided.criteriaLines);
  const rubric = ownRubric.length > 0 ? ownRubric : part1Rubric;
  const { entries } = part;
  let offScale = false;
  const scored = Array.from({ length: options.responses }, (_, index): ResponseScore => {
    const own = divided.blocks.filter((block) => block.response === index + 1);
    const breakdown = readResponseBlocks(
      own.map((block) => block.lines),
      rubric,
    );
    const entry = entries.scores.get(index + 1) ?? { kind: 'none' };
    const used = entry.kind === 'none' ? breakdown.final : entry;
    if (used.kind === 'offScale') offScale = true;
    if (used.kind === 'score' && used.fraction) recovered.add('fraction');
    const score = settle(entry, used, breakdown, rubric, options);
    if (entry.kind === 'none' && score.score !== null) recovered.add('scoreFromBreakdown');
    return score;
  });
  if (!part.startMarker) recovered.add('noStartMarker');
  if (!part.endMarker) recovered.add('noEndMarker');
  if (!part.closed) recovered.add('unclosedJson');
  if (plainText(rationale) !== rationale) recovered.add('typography');
  if (entries.strings) recovered.add('stringScores');
  if (entries.oddKeys) recovered.add('oddKeys');
  if (entries.conflict) recovered.add('conflictingScores');
  if (entries.order.some((response, index) => index > 0 && response < entries.order[index - 1]!)) {
    recovered.add('swappedKeys');
  }
  const missing = scored.some((response) => response.score === null);
  const lost: LostReason | undefined = offScale ? 'outOfRange' : missing ? reasonForMissing(part) : undefined;
  const stated = scored.every((_, index) => (entries.scores.get(index + 1)?.kind ?? 'none') !== 'none');
  return {
    complete: part.closed && stated,
    usable: lost === undefined,
    ...(lost === undefined ? {} : { lost }),
    rubric,
    responses: lost === undefined ? scored : scored.map((response) => ({ ...response, score: null })),
    recovered: [...recovered],
  };
}

function settle(
  entry: ScoreReading,
  used: ScoreReading,
  breakdown: ResponseBreakdown,
  rubric: readonly Criterion[],
  options: ReadChainOptions,
): ResponseScore {
  const stated = scoreOf(used);
  const recomputed = weightedMean(breakdown.criterionScores, rubric);
  const preferred = options.prefer === 'stated' ? (stated ?? recomputed) : (recomputed ?? stated);
  return {
    criterionScores: breakdown.criterionScores,
    stated,
    recomputed,
    score: preferred,
    inconsistent: differ(stated, recomputed) || differ(scoreOf(entry), scoreOf(breakdown.final)),
  };
}

function scoreOf(reading: ScoreReading): number | null {
  return reading.kind === 'score' ? reading.value : null;
}

function differ(a: number | null, b: number | null): boolean {
  return a !== null && b !== null && Math.abs(a - b) > ROUNDING_TOLERANCE;
}

/** sum(s_i * w_i) / sum(w_i), where all scores are there and the weights sum to 100. */
function weightedMean(scores: readonly number[] | null, rubric: readonly Criterion[]): number | null {
  const weightSum = sumWeights(rubric);
  if (scores === null || weightSum === null || Math.abs(weightSum - 100) > WEIGHT_SUM_TOLERANCE) return null;
  const sum = scores.reduce((total, score, index) => total + score * rubric[index]!.weight!, 0);
  return withoutNoise(sum / weightSum);
}

function reasonForMissing(part: JsonPart): LostReason {
  const noObject = part.repairs.includes('noObject');
  if (part.closed) return noObject ? 'noJson' : 'missingScore';
  return noObject && !part.startMarker ? 'noJson' : 'cutOff';
}

/** A rationale whose line breaks were escaped twice, put right. */
function withLineBreaks(rationale: string, recovered: Set<ChainRepair>): string {
  if (rationale.includes('\n') || !rationale.includes('\\n')) return rationale;
  recovered.add('doubleEscaped');
  return rationale.replaceAll('\\n', '\n');
}
