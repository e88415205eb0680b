// Whether chains are written freely or guided by a plan, and why; and what guided chains may be asked for.
// Knows what a model says of itself; nothing of how chains are written.

import { PgenrmError } from '../errors.js';
import { checkRange, invalidOption } from '../options/option-range.js';
import { type FixedCriterion, type GuidedForm, LONGEST_NAME } from './guided-plan.js';

/**
 * How a chain is written: `free`, all of it by the model, as one that was trained on the form can; `guided`, part by part
 * by a plan that gives what is certain and reads scores as choices. `auto`: free where the model was trained on the form.
 */
export const DECODING_CHOICES = ['auto', 'free', 'guided'] as const;

/** How chains are written. @useDeclaredType */
export type DecodingChoice = (typeof DECODING_CHOICES)[number];

/** How the score of a criterion is taken: the mean of its distribution, or the score that was drawn. */
export const READOUT_CHOICES = ['expected', 'sampled'] as const;

/** How the scores of a guided chain are read. @useDeclaredType */
export type Readout = (typeof READOUT_CHOICES)[number];

/** What `auto` comes to for a model, and why. */
export interface ModelDecoding {
  readonly decoding: 'free' | 'guided';
  /** Whether the model was trained on the form of evaluation chains. */
  readonly trained: boolean;
  /** Whether the generator follows plans. */
  readonly canGuide: boolean;
  readonly reason: string;
}

/** Names that published weights of P-GenRM have in their metadata. */
const PUBLISHED = /\bp[-_. ]?gen[-_. ]?rm\b/i;
const NAME_KEYS = ['general.name', 'general.basename', 'general.base_model.0.name', 'general.finetune'];

/** What `auto` comes to: `metadata` is the GGUF's, `plans` whether the generator follows plans. */
export function modelDecoding(metadata: ReadonlyMap<string, string>, plans: boolean): ModelDecoding {
  const key = [...metadata.keys()].find((name) => name.startsWith('pgenrm.'));
  const named = NAME_KEYS.find((name) => PUBLISHED.test(metadata.get(name) ?? ''));
  const known =
    key !== undefined
      ? `the model was trained on the form (its metadata has ${key})`
      : named !== undefined
        ? `the model is one of the published weights ('${metadata.get(named)}')`
        : null;
  if (known !== null) return { decoding: 'free', trained: true, canGuide: plans, reason: known };
  const reason = 'nothing says that the model was trained on the form of evaluation chains';
  if (plans) return { decoding: 'guided', trained: false, canGuide: true, reason };
  return {
    decoding: 'free',
    trained: false,
    canGuide: false,
    reason: `${reason}, and the generator follows no plans`,
  };
}

/** What only guided chains have. */
export interface GuidedOptions {
  /** Default `expected`. */
  readonly readout?: Readout;
  /** Default: the model finds 3 to 5 of its own. */
  readonly criteria?: readonly FixedCriterion[];
  /** Default false. */
  readonly reasons?: boolean;
  /** Default 0. */
  readonly think?: number;
}

/** {@link GuidedOptions} with every default filled in. */
export interface GuidedSettings {
  readonly form: GuidedForm;
  readonly readout: Readout;
  /** Null: of the model's own. */
  readonly criteria: readonly FixedCriterion[] | null;
  readonly reasons: boolean;
  readonly think: number;
}

/** The settings as one text, for what names a run. */
export function guidedName({ form, readout, criteria, reasons, think }: GuidedSettings): string {
  const named = criteria === null ? 'own criteria' : `criteria ${JSON.stringify(criteria)}`;
  return [
    `${form} form`,
    `${readout} scores`,
    named,
    reasons ? 'reasons' : 'no reasons',
    `think ${think}`,
  ].join(', ');
}

/** Ranges of the numbers in {@link GuidedOptions}. */
export const GUIDED_RANGES = { think: { integer: true, min: 0, max: 100_000 } } as const;
const MOST_CRITERIA = 20;
const GUIDED_ONLY = [
  'readout',
  'criteria',
  'reasons',
  'think',
] as const satisfies readonly (keyof GuidedOptions)[];

/**
 * The settings of guided chains; null where chains are free. `auto` also means guided where something is asked for that
 * only guided chains have, and free where a grammar is.
 *
 * Errors: `INVALID_OPTION` for options out of range, those of guided chains where chains are free, a grammar where they
 * are guided, and guided chains of a generator that follows no plans.
 */
export function guidedSettings(
  options: GuidedOptions & { readonly decoding: DecodingChoice; readonly grammar: string },
  model: ModelDecoding,
): GuidedSettings | null {
  const { readout = 'expected', criteria, reasons = false, think = 0 } = options;
  if (!READOUT_CHOICES.includes(readout)) throw invalidOption('readout', 'one of expected, sampled', readout);
  if (typeof reasons !== 'boolean') throw invalidOption('reasons', 'true or false', reasons);
  checkRange('think', think, GUIDED_RANGES.think);
  if (criteria !== undefined) checkCriteria(criteria);
  const asked = GUIDED_ONLY.find((name) => options[name] !== undefined);
  const grammar = options.grammar !== 'off';
  let { decoding } = options;
  if (decoding === 'auto') decoding = grammar ? 'free' : asked === undefined ? model.decoding : 'guided';
  if (decoding === 'free') {
    if (asked === undefined) return null;
    throw new PgenrmError(
      'INVALID_OPTION',
      `${asked} is for guided chains, and ${grammar ? `the grammar ${options.grammar} asks for` : 'decoding is'} free ones; leave one of both out`,
    );
  }
  if (grammar) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `a guided chain has its form from its plan; got the grammar ${options.grammar} too: leave it out, or decode freely`,
    );
  }
  if (!model.canGuide) {
    throw new PgenrmError(
      'INVALID_OPTION',
      'guided chains need a generator that follows plans, and this one does not; decode freely, or use the native or the portable generator',
    );
  }
  return {
    form: model.trained ? 'trained' : 'general',
    readout,
    criteria: criteria === undefined ? null : criteria.map((one) => ({ ...one, name: one.name.trim() })),
    reasons,
    think,
  };
}

function checkCriteria(criteria: readonly FixedCriterion[]): void {
  if (!Array.isArray(criteria) || criteria.length === 0 || criteria.length > MOST_CRITERIA) {
    const got = Array.isArray(criteria) ? `${criteria.length}` : criteria;
    throw invalidOption('criteria', `an array of 1 to ${MOST_CRITERIA} criteria`, got);
  }
  const names = new Set<string>();
  for (const [index, one] of criteria.entries()) {
    const at = `criteria[${index}]`;
    const name: unknown = typeof one === 'object' && one !== null ? one.name : undefined;
    const fits = typeof name === 'string' && name.trim() !== '' && !/[\p{Cc}\u2028\u2029]/u.test(name);
    if (!fits || name.trim().length > LONGEST_NAME) {
      throw invalidOption(`${at}.name`, `a text of one line and at most ${LONGEST_NAME} characters`, name);
    }
    const folded = name.trim().toLowerCase();
    if (names.has(folded)) throw invalidOption(`${at}.name`, 'unlike those before it', name);
    names.add(folded);
    if (one.weight !== undefined) {
      checkRange(`${at}.weight`, one.weight, { integer: false, min: 0, max: 1_000_000, aboveMin: true });
    }
    if ((one.weight === undefined) !== (criteria[0]!.weight === undefined)) {
      throw invalidOption(`${at}.weight`, 'given for all criteria or for none', one.weight);
    }
  }
}
