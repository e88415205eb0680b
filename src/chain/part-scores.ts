// Settles the scores of one part 2: what its JSON states, what its breakdown says, which of them counts.
// Knows the parts of a chain as read; knows nothing of how they are written.

import type {
  ChainRepair,
  EvaluationChain,
  LostReason,
  ReadChainOptions,
  ResponseScore,
} from './evaluation-chain.js';
import type { JsonPart } from './object/json-part.js';
import { type Criterion, readRubric, sumWeights } from './rubric.js';
import { divideRationale, type ResponseBreakdown, readResponseBlocks } from './scores/breakdown.js';
import { ROUNDING_TOLERANCE, type ScoreReading, withoutNoise } from './scores/score-text.js';
import { plainText } from './text/plain-text.js';

/** One part 2, read. */
export interface PartReading extends Pick<EvaluationChain, 'usable' | 'rubric' | 'responses' | 'recovered'> {
  readonly lost?: LostReason;
  /** The object is whole and has an entry for every response. */
  readonly complete: boolean;
}

const WEIGHT_SUM_TOLERANCE = 0.5;

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
  const found = Array.from({ length: options.responses }, (_, index): Found => {
    const own = divided.blocks.filter((block) => block.response === index + 1);
    const breakdown = readResponseBlocks(
      own.map((block) => block.lines),
      divided.finals.filter((final) => final.response === index + 1).map((final) => final.line),
      rubric,
    );
    const entry = entries.scores.get(index + 1) ?? { kind: 'none' };
    const used = entry.kind === 'none' ? breakdown.final : entry;
    if (used.kind === 'offScale') offScale = true;
    if (used.kind === 'score' && used.fraction) recovered.add('fraction');
    return foundOf(entry, used, breakdown, rubric);
  });
  const kind = kindOf(found, options.prefer ?? 'recomputed');
  const scored = found.map(({ response }) => ({ ...response, score: kind === null ? null : response[kind] }));
  if (kind !== null && found.some(({ entered }) => !entered)) recovered.add('scoreFromBreakdown');
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

/** What is found for one response. */
interface Found {
  readonly response: ResponseScore;
  /** The JSON has a score for it. */
  readonly entered: boolean;
  /** The recomputed score may count: the chain itself bears it out, or nothing stated speaks against it. */
  readonly borneOut: boolean;
}

function foundOf(
  entry: ScoreReading,
  used: ScoreReading,
  breakdown: ResponseBreakdown,
  rubric: readonly Criterion[],
): Found {
  const stated = scoreOf(used);
  const recomputed = weightedMean(breakdown.criterionScores, rubric);
  return {
    response: {
      criterionScores: breakdown.criterionScores,
      stated,
      recomputed,
      score: null,
      inconsistent: differ(stated, recomputed) || differ(scoreOf(entry), scoreOf(breakdown.final)),
    },
    entered: entry.kind !== 'none',
    borneOut: !differ(stated, recomputed) || bearsOut(breakdown, recomputed),
  };
}

/** Whether a mean that disagrees with the stated score is what the chain computes, or at least reads without a doubt. */
function bearsOut(breakdown: ResponseBreakdown, recomputed: number | null): boolean {
  const { sums } = breakdown;
  if (sums.length > 0) return sums.some((sum) => !differ(sum, recomputed));
  return breakdown.outOfTen;
}

/** The kind of score that every response has, the preferred one first; null where no kind is complete. */
function kindOf(found: readonly Found[], prefer: 'recomputed' | 'stated'): 'recomputed' | 'stated' | null {
  const stated = found.every(({ response }) => response.stated !== null);
  const recomputed = found.every(({ response, borneOut }) => response.recomputed !== null && borneOut);
  // A Final Score line and its criteria that contradict each other leave nothing to choose by where the JSON is silent.
  const disputed = found.some(({ entered, borneOut }) => !entered && !borneOut);
  if (prefer === 'stated' && stated) return 'stated';
  return recomputed ? 'recomputed' : stated && !disputed ? 'stated' : null;
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
