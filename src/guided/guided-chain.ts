// A guided chain as data: what was written part by part becomes persona, rubric and scores with their distributions.
// Knows the parts of its plan; it reads no text for what it holds, and every chain that ended is usable.

import type { EvaluationChain } from '../chain/read-chain.js';
import type { Criterion } from '../chain/rubric.js';
import { type WrittenChain, writeChain, writePart1 } from '../chain/write-chain.js';
import type { WrittenPart } from '../generator/plan.js';
import type { Readout } from './decoding.js';
import { type FixedCriterion, type GuidedForm, PART_NAMES, sharesOf } from './guided-plan.js';
import { expectedScore } from './read-scores.js';

/** A guided chain that ended. */
export interface GuidedChain {
  /** The chain as one that was read from a text would be. */
  readonly reading: EvaluationChain;
  /** The chain in the usual written form. */
  readonly text: string;
}

/** What a chain is made of beside its parts. */
export interface GuidedChainOptions {
  readonly form: GuidedForm;
  readonly responses: number;
  readonly criteria: readonly FixedCriterion[] | null;
  readonly readout: Readout;
}

/** The chain of a sample that followed its plan to the end. */
export function guidedChain(parts: readonly WrittenPart[], options: GuidedChainOptions): GuidedChain {
  const { responses, readout } = options;
  const described = trimmed(parts.find(({ name }) => name === PART_NAMES.persona)?.text ?? '');
  // The plan gives the first bullet of a model that does not know the form.
  const persona = options.form === 'general' ? `- ${described}` : described;
  const criteria = options.criteria === null ? ownCriteria(parts) : fixedCriteria(options.criteria);
  const grid = Array.from({ length: responses }, (_, r) => partsOf(parts, PART_NAMES.score, r + 1));
  const distributions = grid.map((row) => row.map(({ probabilities }) => probabilities ?? []));
  const scores = grid.map((row) =>
    row.map(({ text, probabilities }) =>
      readout === 'expected' ? expectedScore(probabilities ?? []) : Number(text),
    ),
  );
  const reasons = grid.map((_, r) =>
    partsOf(parts, PART_NAMES.reason, r + 1).map(({ text }) => oneLine(text)),
  );
  const derivation = trimmed(parts.find(({ name }) => name === PART_NAMES.rubric)?.text ?? '');
  const written: WrittenChain = {
    persona,
    criteria,
    scores,
    reasons,
    ...(derivation === '' ? {} : { derivation }),
  };
  const rubric: Criterion[] = criteria.map(({ name, weight }) => ({ name, weight }));
  return {
    text: writeChain(written),
    reading: {
      usable: true,
      personaText: persona,
      analysisText: writePart1(written).trim(),
      rubric,
      weightSum: 100,
      responses: scores.map((row) => {
        const score = row.reduce((sum, one, k) => sum + one * criteria[k]!.weight, 0) / 100;
        return { criterionScores: row, stated: null, recomputed: score, score, inconsistent: false };
      }),
      recovered: [],
      distributions,
    },
  };
}

interface OwnCriterion {
  readonly name: string;
  readonly weight: number;
  readonly why?: string;
}

function ownCriteria(parts: readonly WrittenPart[]): OwnCriterion[] {
  const of = (name: string): string[] =>
    parts.flatMap((part) => (part.kind !== 'copy' && part.name === name ? [part.text] : []));
  const weights = wholeShares(of(PART_NAMES.weight).map(Number));
  const whys = of(PART_NAMES.why);
  return of(PART_NAMES.name).map((text, k) => {
    // The plan has list marks of its own.
    const name = oneLine(text).replace(/^(?:[-*#]|\d{1,2}[.)])\s+/, '');
    return {
      name: name === '' ? `Criterion ${k + 1}` : name,
      weight: weights[k]!,
      why: oneLine(whys[k] ?? ''),
    };
  });
}

function fixedCriteria(criteria: readonly FixedCriterion[]): OwnCriterion[] {
  const shares = sharesOf(criteria);
  return criteria.map(({ name }, k) => ({ name, weight: shares[k]! }));
}

/** Whole percentages in proportion to weights, summing to 100: the largest remainders are rounded up. */
export function wholeShares(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const exact = weights.map((weight) => (100 * weight) / sum);
  const shares = exact.map(Math.floor);
  const byRemainder = exact.map((_, k) => k).sort((a, b) => (exact[b]! % 1) - (exact[a]! % 1) || a - b);
  const missing = 100 - shares.reduce((total, share) => total + share, 0);
  for (const k of byRemainder.slice(0, missing)) shares[k]! += 1;
  return shares;
}

/** Parts named for a response, in the order of the criteria. */
function partsOf(parts: readonly WrittenPart[], name: string, response: number): WrittenPart[] {
  const whole = `${name} ${response}`;
  return parts.filter((part) => part.name === whole || part.name.startsWith(`${whole} `));
}

// Half a character or a mark of writing direction at the end of a bound is no part of what is shown.
function oneLine(text: string): string {
  return trimmed(text).replace(/\s+/g, ' ');
}

function trimmed(text: string): string {
  return text.replaceAll('\ufffd', '').trim();
}
