// Writes well-formed chains for tests, the reverse of the reader and independent of it.

export interface ChainModel {
  readonly criteria: readonly { readonly name: string; readonly weight: number }[];
  /** Shape [nResponses][nCriteria]. */
  readonly scores: readonly (readonly number[])[];
  readonly reasons?: readonly string[];
  readonly persona?: string;
}

export function finalScore(model: ChainModel, response: number): number {
  const sum = model.scores[response]!.reduce((t, s, i) => t + s * model.criteria[i]!.weight, 0);
  return Math.round(sum) / 100;
}

export function writeRationale(model: ChainModel): string {
  const reason = (i: number) => model.reasons?.[i % model.reasons.length] ?? 'as it reads.';
  const lines = ['A. Evaluation Criteria & Weights:'];
  lines.push(...model.criteria.map((c, i) => `${i + 1}. ${c.name} - ${c.weight}%`));
  lines.push('(Total = 100%)', 'B. Scoring Breakdown:');
  model.scores.forEach((row, r) => {
    lines.push(`Response ${r + 1}:`);
    lines.push(...row.map((s, i) => `${i + 1}. ${model.criteria[i]!.name}: ${s}/10 - ${reason(r + i)}`));
    const terms = row.map((s, i) => `(${s}*${(model.criteria[i]!.weight / 100).toFixed(2)})`);
    lines.push(`Final Score = ${terms.join(' + ')} = ${finalScore(model, r)}`);
  });
  return lines.join('\n');
}

export function writePart1(model: ChainModel): string {
  const lines = model.criteria.map((c) => `- ${c.name} (${c.weight}%): it matters to this user.`);
  return [
    'PART 1: Chain-of-Thought Analysis',
    '',
    '1. **User Preference Synthesis**',
    model.persona ?? '- Likes order.',
    '',
    '2. **Personalized Scoring Model Derivation**',
    ...lines,
    '',
  ].join('\n');
}

export function writeObject(model: ChainModel): string {
  const better = model.scores.map((_, r) => `"response_${r + 1}": ${finalScore(model, r)}`).join(', ');
  return `{"rationale": ${JSON.stringify(writeRationale(model))}, "better_response": {${better}}}`;
}

export function writeChain(model: ChainModel): string {
  return `${writePart1(model)}\nPART 2: Final Scoring and JSON Output\n<JSON_START>\n${writeObject(model)}\n<JSON_END>`;
}
