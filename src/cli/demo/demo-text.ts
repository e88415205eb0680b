// What the demo prints: one judgment in full, then all of them in a table.
// Knows judgments; text that a model or a file wrote is made harmless before it reaches a terminal.

import Table from 'cli-table3';
import type { PreferenceRow } from '../../data/preference-data.js';
import type { GeneratorInfo, ModelInfo } from '../../generator/generator.js';
import type { ModelDecoding } from '../../guided/decoding.js';
import type { JudgedChain, Judgment } from '../../reward-model/judgment.js';

/** How to print. */
export interface Look {
  readonly colour: boolean;
  /** Width of the terminal in characters. */
  readonly columns: number;
}

/** What the demo is about to do. */
export interface Heading {
  readonly rows: number;
  readonly users: number;
  readonly individual: number;
  readonly model: ModelInfo;
  readonly generator: GeneratorInfo;
  readonly decoding: ModelDecoding;
}

/** What the judgments took. */
export interface DemoCost {
  readonly ms: number;
  /** Most bytes of memory that the process had. */
  readonly peakBytes: number;
}

const STYLES = { bold: 1, dim: 2, green: 32 } as const;

function styled(text: string, style: keyof typeof STYLES, { colour }: Look): string {
  return colour ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
}

/** Text without control characters (line breaks aside), which could steer a terminal. */
export function harmless(text: string): string {
  return text.replace(/[^\P{Cc}\n]/gu, '').replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}

/** The first lines of the demo. */
export function headingText(heading: Heading, look: Look): string {
  const { rows, users, individual, model, generator, decoding } = heading;
  const title = styled(
    `${rows} comparisons for ${users} users, ${individual} evaluation chains each`,
    'bold',
    look,
  );
  const how = `${harmless(model.description)}, ${generator.kind} generator on ${generator.backend} (${generator.engine} ${generator.version})`;
  const chains = wrapped(`${decoding.decoding} chains: ${harmless(decoding.reason)}`, look.columns).join(
    '\n',
  );
  return `${title}\n${styled(how, 'dim', look)}\n${styled(chains, 'dim', look)}\n`;
}

/** One judgment in full: the question, the responses, and what the first usable chain says. */
export function portraitText(row: PreferenceRow, judgment: Judgment, look: Look): string {
  const { item, user } = row;
  const lines = ['', styled(`User ${harmless(row.userId ?? 'unknown')}`, 'bold', look)];
  const criteria = (user.criteria ?? '').trim();
  lines.push(
    ...wrapped(
      `known: ${user.history.length} earlier choices${criteria === '' ? '' : `; says "${harmless(criteria)}"`}`,
      look.columns,
    ),
  );
  lines.push('', `Question: ${harmless(item.context.at(-1)!.content)}`);
  for (const [index, candidate] of item.candidates.entries()) {
    lines.push('', `Response ${index + 1}`, indented(harmless(candidate), look));
  }
  const chain = judgment.chains.find(({ scores }) => scores !== null);
  if (chain === undefined) {
    const reasons = Object.entries(judgment.lost).map(([reason, count]) => `${count} ${reason}`);
    lines.push('', `No chain was usable (${reasons.join(', ')}), so there is no score.`);
  } else {
    lines.push('', styled('Persona', 'bold', look), indented(harmless(chain.reading.personaText), look));
    lines.push('', styled('Rubric and scores of this chain', 'bold', look), rubricTable(chain, look));
    lines.push(
      '',
      `Mean over ${judgment.usable} chains: ${scoresText(judgment)}`,
      verdictText(row, judgment, look),
    );
  }
  return `${lines.join('\n')}\n`;
}

function rubricTable(chain: JudgedChain, look: Look): string {
  const { reading, order } = chain;
  const positions = order.map((_, candidate) => order.indexOf(candidate));
  const table = new Table({
    head: ['criterion', 'weight', ...positions.map((_, candidate) => `response ${candidate + 1}`)],
    ...tableStyle(look),
  });
  for (const [index, { name, weight }] of reading.rubric.entries()) {
    const scores = positions.map((position) => reading.responses[position]?.criterionScores?.[index]);
    table.push([
      shortened(harmless(name), look.columns - 16 - 13 * scores.length),
      weight === null ? '-' : `${weight}%`,
      ...scores.map((score) => (score === undefined ? '-' : shownScore(score))),
    ]);
  }
  table.push(['score', '', ...chain.scores!.map((score) => score.toFixed(2))]);
  return table.toString();
}

/** Whole scores as they were drawn, read ones with two decimals. */
function shownScore(score: number): string {
  return Number.isInteger(score) ? String(score) : score.toFixed(2);
}

/** All judgments, one line each, and how often the user agreed. */
export function overviewText(
  judged: readonly { readonly row: PreferenceRow; readonly judgment: Judgment }[],
  { ms, peakBytes }: DemoCost,
  look: Look,
): string {
  const table = new Table({
    head: ['user', 'question', '1', '2', 'winner', 'chosen'],
    ...tableStyle(look),
  });
  for (const { row, judgment } of judged) {
    const [first, second] = judgment.scores ?? [];
    table.push([
      harmless(row.userId ?? ''),
      shortened(harmless(row.item.context.at(-1)!.content), look.columns - 46),
      first?.toFixed(2) ?? '-',
      second?.toFixed(2) ?? '-',
      winnerText(judgment, ''),
      row.label === undefined ? '' : String(row.label + 1),
    ]);
  }
  const labelled = judged.filter(({ row }) => row.label !== undefined);
  const agreed = labelled.filter(({ row, judgment }) => judgment.winner === row.label).length;
  const chains = judged.reduce((sum, { judgment }) => sum + judgment.chains.length, 0);
  const usable = judged.reduce((sum, { judgment }) => sum + judgment.usable, 0);
  const seconds = ms / 1000;
  const facts = [
    `${agreed} of ${labelled.length} as the user chose; ${usable} of ${chains} chains usable`,
    `${seconds.toFixed(1)} s, ${(seconds / judged.length).toFixed(2)} s a judgment; ${Math.round(peakBytes / 1e6)} MB of memory at most`,
  ].join('\n');
  return `\n${styled('All comparisons: scores of both responses', 'bold', look)}\n${table.toString()}\n${facts}\n`;
}

function winnerText(judgment: Judgment, what = 'response '): string {
  if (judgment.status === 'failed') return 'failed';
  return judgment.winner === null ? 'tie' : `${what}${judgment.winner + 1}`;
}

function verdictText(row: PreferenceRow, judgment: Judgment, look: Look): string {
  const winner = styled(
    `Winner: ${winnerText(judgment)}`,
    judgment.winner === row.label ? 'green' : 'bold',
    look,
  );
  return row.label === undefined ? winner : `${winner} (the user chose response ${row.label + 1})`;
}

function scoresText(judgment: Judgment): string {
  return judgment.scores!.map((score, index) => `response ${index + 1} ${score.toFixed(2)}`).join(', ');
}

function indented(text: string, { columns }: Look): string {
  return text
    .trim()
    .split('\n')
    .flatMap((line) => wrapped(line, columns - 4))
    .map((line) => `  ${line}`)
    .join('\n');
}

function wrapped(line: string, width: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else {
      current = current === '' ? word : `${current} ${word}`;
    }
  }
  return [...lines, current];
}

function shortened(text: string, width: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  const room = Math.max(16, width);
  return line.length <= room ? line : `${line.slice(0, room - 3)}...`;
}

/** No lines between rows. */
function tableStyle(look: Look) {
  return {
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    style: look.colour ? { head: ['cyan'], border: ['grey'] } : { head: [], border: [] },
  };
}
