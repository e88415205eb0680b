// A bench's result on a terminal, as Markdown, and as files: JSON, Markdown, and the page with its pictures.
// Knows names of files; what stands in them is made elsewhere.

import { join } from 'node:path';
import { writeAtomically } from '../../output/atomic-file.js';
import { type Chart, drawnCharts, standaloneSvg } from '../../report/chart.js';
import { type Draw, loadDraw } from '../../report/draw.js';
import { htmlPage } from '../../report/page.js';
import { harmless, markdownCell, markdownTable, terminalTable } from '../../report/table.js';
import type { ScalingResult } from './result.js';
import { resultCharts } from './result-charts.js';
import { resultRemarks } from './result-remarks.js';
import { resultTables, shortTable } from './result-tables.js';

/** Files of a bench's folder. */
export const BENCH_FILES = {
  blocks: 'blocks.jsonl',
  json: 'result.json',
  markdown: 'result.md',
  page: 'result.html',
} as const;

/** What the result is about, for who knows nothing of it. */
const LEAD =
  'For each judgment a language model writes evaluation chains, and a level says how many: ind-8 is eight for the user, pro-4 four more that are written as similar users. More chains cost more and may judge better; adaptive stopping leaves out those that would hardly change the winner.';

/** The result for a terminal. */
export function resultText(result: ScalingResult, colour: boolean): string {
  const tables = resultTables(result).map((table) => terminalTable(table, colour));
  return `${[...tables, resultRemarks(result).map(harmless).join('\n')].join('\n\n')}\n`;
}

/** The result as Markdown, every table in it. */
export function resultMarkdown(result: ScalingResult): string {
  const facts = resultRemarks(result).map((line) => `- ${markdownCell(line)}`);
  return `${['# What a scaling level costs', LEAD, facts.join('\n'), ...resultTables(result).map(markdownTable)].join('\n\n')}\n`;
}

/** The table for a README: one line a level. */
export function shortMarkdown(result: ScalingResult): string {
  return `${markdownTable(shortTable(result)).split('\n').slice(4).join('\n')}\n`;
}

/** Writes the files, the pictures by themselves too, each in one step; earlier ones are replaced. Errors: `OUTPUT_FAILED`. */
export async function writeResult(
  folder: string,
  result: ScalingResult,
  draw: () => Promise<Draw> = loadDraw,
): Promise<{ readonly files: readonly string[]; readonly withoutPictures: string | null }> {
  const { pictures, withoutPictures } = await drawnCharts(resultCharts(result), draw);
  const page = htmlPage({
    title: 'pgenrm: what a scaling level costs',
    heading: 'What a scaling level costs',
    lead: LEAD,
    facts: resultRemarks(result),
    tables: resultTables(result),
    pictures,
  });
  const texts: readonly (readonly [string, string])[] = [
    ...pictures.flatMap(({ chart, svg }): [string, string][] =>
      svg === null ? [] : [[pictureFile(chart), standaloneSvg(svg)]],
    ),
    [BENCH_FILES.json, `${JSON.stringify(result, null, 2)}\n`],
    [BENCH_FILES.markdown, resultMarkdown(result)],
    [BENCH_FILES.page, page],
  ];
  for (const [name, text] of texts) await writeAtomically(join(folder, name), text);
  return { files: texts.map(([name]) => join(folder, name)), withoutPictures };
}

/** The file of a picture: its title in lower case, such as `cost-against-accuracy.svg`. */
export const pictureFile = ({ title }: Chart): string =>
  `${title.toLowerCase().replace(/[^a-z]+/g, '-')}.svg`;
