// GBNF grammars that hold a model to the form of a chain, for models that were not trained on it.
// Knows the form of part 1 and part 2; knows nothing of models or prompts.

import { PgenrmError } from '../errors.js';
import { JSON_END, JSON_START } from './markers.js';

/** The text after which the default grammar of {@link chainGrammar} applies. */
export const GRAMMAR_TRIGGER = JSON_START;

/** Where a chain grammar takes hold. */
export interface ChainGrammarOptions {
  /**
   * `json` (default): after {@link GRAMMAR_TRIGGER}, everything before is free.
   * `start`: from the first token on, part 1 in free lines.
   */
  readonly from?: 'json' | 'start';
}

const MAX_RESPONSES = 64;

/**
 * A GBNF grammar (llama.cpp's dialect, root rule `root`) for chains over `responses` responses, 2 to 64.
 *
 * It forces the JSON object of part 2 on one line, its rationale with 1 to 9 weighted criteria, a score of 1 to 10
 * for each, a Final Score line per response, one number from 1 to 10 (two decimals at most) per response, and
 * `<JSON_END>` at the end. It does not force weights to sum to 100 nor sums to be right. From the start,
 * part 1 is at most 80 lines of which none begins with `P`. Throws `INVALID_OPTION` for other counts.
 */
export function chainGrammar(responses: number, options: ChainGrammarOptions = {}): string {
  if (!Number.isInteger(responses) || responses < 2 || responses > MAX_RESPONSES) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `expected a whole number of responses from 2 to ${MAX_RESPONSES}, got ${responses}`,
    );
  }
  const numbers = Array.from({ length: responses }, (_, index) => index + 1);
  const blocks = numbers.map((n) => `"Response ${n}:" nl score{1,9} final`).join(' nl ');
  const entries = numbers.map((n) => `"\\"response_${n}\\": " number`).join(' ", " ');
  const root =
    options.from === 'start'
      ? `root ::= "PART 1: Chain-of-Thought Analysis\\n" line{1,80} "PART 2: Final Scoring and JSON Output\\n${JSON_START}\\n" object "\\n${JSON_END}"
line ::= ([^P\\n] [^\\n]*)? "\\n"`
      : `root ::= ws object ws "${JSON_END}"
ws ::= [ \\n]{0,2}`;
  return `${root}
object ::= "{\\"rationale\\": \\"" rationale "\\", \\"better_response\\": {" scores "}}"
rationale ::= "A. Evaluation Criteria & Weights:" nl criterion{1,9} "(Total = 100%)" nl "B. Scoring Breakdown:" nl ${blocks}
criterion ::= digit ". " name " - " percent "%" nl
score ::= digit ". " name ": " whole "/10 - " text nl
final ::= "Final Score = " term (" + " term)* " = " number
term ::= "(" whole "*" share ")"
scores ::= ${entries}
name ::= [^"\\\\%:\\x00-\\x1F\\x7F]+
text ::= ([^"\\\\\\x00-\\x1F\\x7F] | "\\\\\\"")+
nl ::= "\\\\n"
digit ::= [1-9]
whole ::= [1-9] | "10"
percent ::= [1-9] [0-9]? | "100"
share ::= "0." [0-9] [0-9]? | "1.0" "0"?
number ::= [1-9] ("." [0-9] [0-9]?)? | "10" (".0" "0"?)?
`;
}
