// Writes a report's files into a folder: JSON, CSV, Markdown, and the page with its pictures.
// Knows names of files; what stands in them is made elsewhere.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../output/atomic-file.js';
import { outputFailed } from '../../output/output-error.js';
import { drawnCharts } from '../../report/chart.js';
import { type Draw, loadDraw } from '../../report/draw.js';
import { charts } from './charts.js';
import type { EvaluationReport } from './report.js';
import { csvText } from './report-csv.js';
import { reportPage } from './report-page.js';
import { markdownText } from './report-text.js';

/** Files of an evaluation's folder. */
export const EVALUATION_FILES = {
  chains: 'chains.jsonl',
  baselines: 'baselines.json',
  json: 'report.json',
  csv: 'figures.csv',
  markdown: 'report.md',
  page: 'report.html',
} as const;

/** What was written. */
export interface WrittenReport {
  readonly files: readonly string[];
  /** Why the page has no pictures; null where it has them. */
  readonly withoutPictures: string | null;
}

/**
 * Writes the report's files, each in one step; earlier ones are replaced. Where the drawing libraries cannot be loaded
 * the page has tables alone and says so. Errors: `OUTPUT_FAILED`.
 */
export async function writeReport(
  folder: string,
  report: EvaluationReport,
  draw: () => Promise<Draw> = loadDraw,
): Promise<WrittenReport> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw outputFailed(folder, error);
  }
  const { pictures, withoutPictures } = await drawnCharts(charts(report), draw);
  const { json, csv, markdown, page } = EVALUATION_FILES;
  const texts: readonly (readonly [string, string])[] = [
    [json, `${JSON.stringify(report, null, 2)}\n`],
    [csv, csvText(report)],
    [markdown, markdownText(report)],
    [page, reportPage(report, pictures)],
  ];
  for (const [name, text] of texts) await writeAtomically(join(folder, name), text);
  return { files: texts.map(([name]) => join(folder, name)), withoutPictures };
}
