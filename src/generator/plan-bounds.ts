// What a plan is in tokens of a vocabulary: whether all of its texts can be written, and how long it can become.
// Knows how texts are spelled through one function; the plan's own rules are in plan-parts.ts.
import { PgenrmError } from '../errors.js';
import { invalidOption } from '../options/option-range.js';
import type { GeneratorInfo } from './generator.js';
import { checkGrammar } from './grammar-check.js';
import type { Plan, PlannedRequest, PlanPart } from './plan.js';
import { checkPlanParts, choiceTexts, describePart, numberedText, type PlacedPart } from './plan-parts.js';
import { checkRequest, checkRoom } from './request-checks.js';

/** Tokens that write exactly a text in the middle of another; null where the vocabulary has none. */
export type Speller = (text: string) => ArrayLike<number> | null;

/** What a plan must fit into. */
export interface PlanRoom {
  readonly promptTokens: number;
  readonly contextTokens: number;
  readonly spell: Speller;
}

/**
 * Checks a request with a plan, and gives the plan's parts and the most tokens of a sample. Throws what `checkRequest`,
 * {@link checkPlan} and `checkGrammar` throw.
 */
export async function checkPlannedRequest(
  { plan, onText: _, onSample: __, ...common }: PlannedRequest,
  promptTokens: number,
  info: GeneratorInfo,
  spell: (text: string) => ReturnType<Speller> | Promise<ReturnType<Speller>>,
): Promise<{ readonly placed: readonly PlacedPart[]; readonly maxTokens: number }> {
  checkRequest({ ...common, maxTokens: 1 }, info);
  checkRoom(promptTokens, 1, info.contextTokens);
  const { contextTokens } = info;
  const placed = checkPlanParts(plan);
  const spelled = new Map<string, ReturnType<Speller>>();
  const noted: Speller = (text) => {
    spelled.set(text, null);
    return [];
  };
  for (const one of placed) ownLength(one, noted);
  await Promise.all([...spelled.keys()].map(async (text) => spelled.set(text, await spell(text))));
  const maxTokens = checkPlan(plan, {
    promptTokens,
    contextTokens,
    spell: (text) => spelled.get(text) ?? null,
  });
  for (const { part } of placed) {
    if (part.kind === 'free' && part.grammar !== undefined) checkGrammar(part.grammar);
  }
  return { placed, maxTokens };
}

// Texts that are tokenized together can take a little more than each for itself.
const SLACK = 2;

/**
 * Checks a plan against a vocabulary and a context, and gives the most tokens that a sample of it can have. Throws
 * `INVALID_OPTION` for what `checkPlanParts` refuses and for a text that the vocabulary cannot write, and
 * `CONTEXT_OVERFLOW` for a plan that is longer than the context, naming the first part that does not fit.
 */
export function checkPlan(plan: Plan, room: PlanRoom): number {
  const placed = checkPlanParts(plan);
  const lengths = new Map<PlanPart, number>();
  for (const one of placed) lengths.set(one.part, ownLength(one, room.spell));
  const byNumber = new Map(placed.map((one) => [one.part, one]));
  const named = new Map(placed.flatMap(({ part }) => ('name' in part ? [[part.name, part] as const] : [])));
  let longest = 0;
  let overflow: { readonly part: PlacedPart } | null = null;
  const grow = (part: PlanPart, tokens: number): void => {
    longest += tokens;
    if (room.promptTokens + longest > room.contextTokens)
      overflow ??= { part: byNumber.get(part) as PlacedPart };
  };
  // In the order in which it is written, every text and loop at its longest; a body's rounds are all as long.
  const walk = (parts: readonly PlanPart[]): void => {
    for (const part of parts) {
      const own = lengths.get(part) as number;
      if (part.kind === 'repeat') {
        for (let round = 0; round < part.most && overflow === null; round++) {
          grow(part, own);
          walk(part.body);
        }
        grow(part, own);
      } else if (part.kind === 'forEach') {
        const { most } = named.get(part.over) as { readonly most: number };
        for (let round = 0; round < most && overflow === null; round++) {
          if (round > 0) grow(part, own);
          walk(part.body);
        }
      } else if (part.kind === 'copy') {
        grow(part, lengths.get(named.get(part.of) as PlanPart) as number);
      } else {
        grow(part, own);
      }
      if (overflow !== null) return;
    }
  };
  walk(plan.parts);
  if (overflow !== null) throw tooLong((overflow as { part: PlacedPart }).part, longest, room);
  return longest;
}

function tooLong(part: PlacedPart, longest: number, { promptTokens, contextTokens }: PlanRoom): PgenrmError {
  return new PgenrmError(
    'CONTEXT_OVERFLOW',
    `The plan can exceed the context of ${contextTokens} tokens, by ${promptTokens + longest - contextTokens} at ${describePart(part)}: ` +
      `the prompt has ${promptTokens}, and the plan up to there at most ${longest}. Lower the bounds of its parts, shorten the prompt or load the model with a larger context.`,
  );
}

// Most tokens of a part without its body; of a copy nothing.
function ownLength(one: PlacedPart, spell: Speller): number {
  const { part } = one;
  const spelled = (text: string): number => {
    if (text === '') return 0;
    const tokens = spell(text);
    if (tokens === null) {
      const short = text.length > 40 ? `${text.slice(0, 40)}...` : text;
      throw invalidOption(
        `a text of ${describePart(one)}`,
        'one that the vocabulary of the model can write',
        short,
      );
    }
    return tokens.length + SLACK;
  };
  switch (part.kind) {
    case 'given':
      return spelled(part.text);
    case 'free':
      return part.maxTokens + SLACK;
    case 'choice':
    case 'repeat':
      return Math.max(...choiceTexts(part, 9).map(spelled));
    case 'forEach':
      return spelled(numberedText(part.between ?? '', part.numbered, 9));
    default:
      return 0;
  }
}
