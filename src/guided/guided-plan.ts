// The plan of a guided chain: persona, rubric and one score a response and criterion, with no sums and no JSON for the model.
// Knows which texts are given, free and chosen; how a generator follows a plan and what is made of it are not its business.

import type { Choice, FreeText, Plan, PlanPart, Repeat } from '../generator/plan.js';

/** A criterion that the caller fixes. */
export interface FixedCriterion {
  /** One line of at most 120 characters, unlike the others. */
  readonly name: string;
  /** Above 0; weights count by their share of the sum. All criteria have one, or none, and then all count alike. */
  readonly weight?: number;
}

/** `general`: for any model. `trained`: the form that models trained on evaluation chains write. */
export type GuidedForm = 'general' | 'trained';

/** What a guided chain has to hold. */
export interface GuidedPlanOptions {
  readonly form: GuidedForm;
  /** Two or more. */
  readonly responses: number;
  /** Null: the model finds 3 to 5 of its own. */
  readonly criteria: readonly FixedCriterion[] | null;
  /** Whether a short reason is written with every score. */
  readonly reasons: boolean;
  /** Whether the distribution of a score is what counts; the sequence goes on with a draw either way. */
  readonly reads: boolean;
  /**
   * Whether the model's vocabulary writes a blank with the text before it, as ones with tokens for whole phrases do, and not
   * with the word behind it.
   */
  readonly blanksEndTokens: boolean;
  /** A thought that the prompt opens: what closes it, and the most tokens that the model has for it. */
  readonly thought: { readonly close: string; readonly maxTokens: number } | null;
  /** Most tokens that a chain of the trained form has where the model writes all of it: part 1 is bounded by a share of them. */
  readonly usualTokens: number;
}

/** The scores that a criterion can have, as the texts of its choice. */
export const SCORES = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'] as const;
/** Weights that a criterion of the model's own can have, in percent before they are normalised. */
export const WEIGHTS: readonly string[] = Array.from({ length: 19 }, (_, index) => `${5 * (index + 1)}`);
/** Fewest and most criteria of the model's own. */
export const CRITERIA = { least: 3, most: 5 } as const;
/** Most characters of a fixed criterion's name. */
export const LONGEST_NAME = 120;

/** Most tokens of free texts; of the trained form's persona and rubric also most of a whole chain's. */
const BOUNDS = {
  general: { persona: 96, name: 8, why: 20, reason: 24 },
  trained: { persona: 1024, rubric: 512, name: 16, reason: 80 },
} as const;
const SHARES = { persona: 1 / 2, rubric: 1 / 4 } as const;

/** Of the prompt's example and of part 2: nothing that a persona or a reason says. */
const FORM_TEXTS = ['<name>', '<reason>', 'JSON_', '"rationale"', 'better_response', 'weight%'];

/**
 * Part 1's heads. Given text that comes before free text ends with no white space: most vocabularies begin a token with it, and
 * the model would have to begin one without.
 */
const PART_1 = 'PART 1: Chain-of-Thought Analysis\n\n1. **User Preference Synthesis**';
const DERIVATION = '\n\n2. **Personalized Scoring Model Derivation**';

/** Names of the parts that are read; those of scores and reasons end with the response's number, from 1. */
export const PART_NAMES = {
  persona: 'persona',
  rubric: 'rubric',
  criteria: 'criteria',
  name: 'name',
  weight: 'weight',
  why: 'why',
  score: 'score',
  reason: 'reason',
} as const;

/** The plan. */
export function guidedPlan(options: GuidedPlanOptions): Plan {
  const { form, thought } = options;
  return {
    parts: [
      ...(thought === null ? [] : thoughtParts(thought)),
      ...(form === 'general' ? generalPart1(options) : trainedPart1(options)),
      ...scores(options),
    ],
  };
}

function thoughtParts({ close, maxTokens }: NonNullable<GuidedPlanOptions['thought']>): PlanPart[] {
  const closing = given(`\n${close}\n\n`);
  if (maxTokens === 0) return [closing];
  return [{ kind: 'free', name: 'thought', maxTokens, stop: [close] }, closing];
}

/** Persona and rubric in bullets, and the head of the scores. */
function generalPart1({ criteria }: GuidedPlanOptions): PlanPart[] {
  const { persona, name, why } = BOUNDS.general;
  return [
    given(`${PART_1}\n-`),
    // The next head may come in any shape.
    free(PART_NAMES.persona, persona, ['\n\n', '\n2.', '\n#', 'PART 2']),
    given(DERIVATION),
    ...rubric(criteria, GENERAL_PART_2, {
      another: '\n-',
      body: [
        { ...free(PART_NAMES.name, name, [' (', '(', ':', '\n'], NOT_IN_NAMES), minTokens: 1 },
        given(' ('),
        weight('%):'),
        free(PART_NAMES.why, why, ['\n']),
      ],
    }),
  ];
}

/** Persona and rubric as the model was trained to write them, and its list of criteria and weights. */
function trainedPart1({ criteria, blanksEndTokens, usualTokens }: GuidedPlanOptions): PlanPart[] {
  const { name } = BOUNDS.trained;
  const bound = (of: keyof typeof SHARES): number =>
    Math.min(BOUNDS.trained[of], Math.ceil(usualTokens * SHARES[of]));
  const [persona, derivation] = [bound('persona'), bound('rubric')];
  return [
    given(PART_1),
    free(PART_NAMES.persona, persona, ['\n\n2.']),
    given(DERIVATION),
    ...(criteria === null ? [free(PART_NAMES.rubric, derivation, ['\n\nPART 2', '\nPART 2'])] : []),
    ...rubric(criteria, TRAINED_PART_2 + (blanksEndTokens ? ' ' : ''), {
      opening: TRAINED_LIST,
      another: '\\n',
      numbered: blanksEndTokens ? '. ' : '.',
      body: [
        { ...free(PART_NAMES.name, name, [' - ', '\\n'], NOT_IN_NAMES), minTokens: 1 },
        given(' - '),
        weight('%'),
      ],
    }),
  ];
}

const NOT_IN_NAMES = ['<', '>', '%', '"', '**'];
const GENERAL_PART_2 =
  '\n\nPART 2: Scores from 1 (this user would dislike it) to 10 (exactly what this user wants)\nResponse 1:\n-';
// The breakdown stands in a JSON string, whose line breaks are escaped.
export const TRAINED_LIST =
  '\n\nPART 2: Final Scoring and JSON Output\n<JSON_START>\n{"rationale": "A. Evaluation Criteria & Weights:';
const TRAINED_PART_2 = '\\n(Total = 100%)\\nB. Scoring Breakdown:\\nResponse 1:\\n1.';

/** How criteria are written, one a round. */
interface RubricForm extends Pick<Repeat, 'another' | 'body' | 'numbered'> {
  /** Before the first. */
  readonly opening?: string;
}

function rubric(
  criteria: GuidedPlanOptions['criteria'],
  end: string,
  { opening = '', ...form }: RubricForm,
): PlanPart[] {
  const opened = opening === '' ? [] : [given(opening)];
  if (criteria === null) {
    return [
      ...opened,
      { kind: 'repeat', name: PART_NAMES.criteria, ...CRITERIA, end, weighing: 'branches', ...form },
    ];
  }
  const shares = sharesOf(criteria).map(Math.round);
  const bullets = criteria.map(({ name }, k) => `\n- ${name} (${shares[k]}%)`).join('');
  const list = criteria.map(({ name }, k) => `\\n${k + 1}. ${name} - ${shares[k]}%`).join('');
  return [given(bullets + (opening === '' ? '' : opening + list) + end)];
}

function weight(terminator: string): Choice {
  return { kind: 'choice', name: PART_NAMES.weight, texts: WEIGHTS, terminator, weighing: 'branches' };
}

function scores(options: GuidedPlanOptions): PlanPart[] {
  const { form, responses, criteria, blanksEndTokens } = options;
  // In the trained form the breakdown stands in a JSON string, whose line breaks are escaped, and criteria have numbers.
  const trained = form === 'trained';
  const newline = trained ? '\\n' : '\n';
  const dot = blanksEndTokens ? '. ' : '.';
  const opening = (response: number): string =>
    trained ? `${newline}Response ${response}:${newline}1${dot}` : `${newline}Response ${response}:\n-`;
  const parts: PlanPart[] = [];
  for (let response = 1; response <= responses; response += 1) {
    // The first one is opened by the end of the rubric.
    if (response > 1) parts.push(given(opening(response)));
    if (criteria === null) {
      const body = scoreLine(options, `${response}`, { kind: 'copy', of: PART_NAMES.name });
      const between = trained ? { between: newline, numbered: dot } : { between: '\n-' };
      parts.push({ kind: 'forEach', over: PART_NAMES.criteria, body, ...between });
    } else {
      for (const [index, { name }] of criteria.entries()) {
        if (index > 0) parts.push(given(trained ? `${newline}${index + 1}${dot}` : '\n-'));
        // As a name of the model's own begins.
        const shown = given(trained && blanksEndTokens ? name : ` ${name}`);
        parts.push(...scoreLine(options, `${response} ${index}`, shown));
      }
    }
  }
  return parts;
}

function scoreLine(
  { form, reasons, reads, blanksEndTokens }: GuidedPlanOptions,
  place: string,
  name: PlanPart,
): PlanPart[] {
  const score: Choice = {
    kind: 'choice',
    name: `${PART_NAMES.score} ${place}`,
    texts: SCORES,
    terminator: '/10',
    mode: reads ? 'read' : 'sample',
    weighing: 'branches',
  };
  const reason = `${PART_NAMES.reason} ${place}`;
  if (form === 'trained') {
    const blank = blanksEndTokens ? ' ' : '';
    const why = reasons ? [given(` -${blank}`), free(reason, BOUNDS.trained.reason, ['\\n', '"'])] : [];
    return [name, given(': '), score, ...why];
  }
  // A reason comes before its score, so that the score can follow from it.
  const why = reasons
    ? [free(reason, BOUNDS.general.reason, ['\n', ' Score', '/10']), given(' Score: ')]
    : [];
  return [name, given(reasons ? ':' : ': '), ...why, score];
}

/** Percent of each criterion, summing to 100. */
export function sharesOf(criteria: readonly FixedCriterion[]): number[] {
  const sum = criteria.reduce((total, { weight = 1 }) => total + weight, 0);
  return criteria.map(({ weight = 1 }) => (100 * weight) / sum);
}

function given(text: string): PlanPart {
  return { kind: 'given', text };
}

function free(
  name: string,
  maxTokens: number,
  stop: readonly string[],
  bars: readonly string[] = FORM_TEXTS,
): FreeText {
  return { kind: 'free', name, maxTokens, stop, bars };
}
