// Writes an evaluation chain that is known as data in the form in which models write them: the only writer of that form.
// Knows headings, weights and sums; nothing of where the data comes from. The reader does not share its code.

/** An evaluation chain as data. */
export interface WrittenChain {
  /** Part 1, section 1. */
  readonly persona: string;
  readonly criteria: readonly WrittenCriterion[];
  /** Part 1, section 2, where it is known as text; default: a bullet for each criterion. */
  readonly derivation?: string;
  /** From 1 to 10. Shape [responses][criteria]. */
  readonly scores: readonly (readonly number[])[];
  /** Why a score was given; blank ones are left out. Shape [responses][criteria]. */
  readonly reasons?: readonly (readonly string[])[];
}

/** A criterion to write. */
export interface WrittenCriterion {
  readonly name: string;
  /** Percent. */
  readonly weight: number;
  /** Why it matters to the user; blank ones are left out. */
  readonly why?: string;
}

/** The weighted sum of a response's scores, with two decimals. */
export function finalScore({ criteria, scores }: WrittenChain, response: number): number {
  const sum = scores[response]!.reduce((total, score, k) => total + score * criteria[k]!.weight, 0);
  return Math.round(sum) / 100;
}

/** Part 1: persona and rubric. */
export function writePart1({
  persona,
  criteria,
  derivation,
}: Pick<WrittenChain, 'persona' | 'criteria' | 'derivation'>): string {
  const bullets = criteria.map(
    ({ name, weight, why = '' }) => `- ${name} (${shown(weight)}%)${why.trim() === '' ? '' : `: ${why}`}`,
  );
  return [
    'PART 1: Chain-of-Thought Analysis',
    '',
    '1. **User Preference Synthesis**',
    persona,
    '',
    '2. **Personalized Scoring Model Derivation**',
    derivation ?? bullets.join('\n'),
    '',
  ].join('\n');
}

/** The rationale of part 2, its line breaks not yet escaped. */
export function writeRationale(chain: WrittenChain): string {
  const { criteria, scores, reasons } = chain;
  const lines = ['A. Evaluation Criteria & Weights:'];
  lines.push(...criteria.map(({ name, weight }, k) => `${k + 1}. ${name} - ${shown(weight)}%`));
  lines.push('(Total = 100%)', 'B. Scoring Breakdown:');
  scores.forEach((row, r) => {
    lines.push(`Response ${r + 1}:`);
    row.forEach((score, k) => {
      const reason = reasons?.[r]?.[k] ?? '';
      const because = reason.trim() === '' ? '' : ` - ${reason}`;
      lines.push(`${k + 1}. ${criteria[k]!.name}: ${shown(score)}/10${because}`);
    });
    const terms = row.map((score, k) => `(${shown(score)}*${(criteria[k]!.weight / 100).toFixed(2)})`);
    lines.push(`Final Score = ${terms.join(' + ')} = ${finalScore(chain, r)}`);
  });
  return lines.join('\n');
}

/** The JSON object of part 2, on one line. */
export function writeObject(chain: WrittenChain): string {
  const better = chain.scores.map((_, r) => `"response_${r + 1}": ${finalScore(chain, r)}`).join(', ');
  return `{"rationale": ${JSON.stringify(writeRationale(chain))}, "better_response": {${better}}}`;
}

/** Both parts. Source of the form: P-GenRM (arXiv 2602.12116). */
export function writeChain(chain: WrittenChain): string {
  return `${writePart1(chain)}\nPART 2: Final Scoring and JSON Output\n<JSON_START>\n${writeObject(chain)}\n<JSON_END>`;
}

function shown(value: number): string {
  return String(Math.round(value * 100) / 100);
}
