import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openChains } from '../../src/evaluation/chains/chains-file.js';
import { evaluate } from '../../src/evaluation/evaluate.js';
import { charts } from '../../src/evaluation/report/charts.js';
import {
  type EvaluationReport,
  intervalText,
  percent,
  points,
  pText,
} from '../../src/evaluation/report/report.js';
import { csvText } from '../../src/evaluation/report/report-csv.js';
import { reportPage } from '../../src/evaluation/report/report-page.js';
import { reportTables } from '../../src/evaluation/report/report-tables.js';
import { markdownText, terminalText } from '../../src/evaluation/report/report-text.js';
import { EVALUATION_FILES, writeReport } from '../../src/evaluation/report/write-report.js';
import { type Draw, loadDraw } from '../../src/report/draw.js';
import { suiteFolder } from '../bank/made-bank.js';
import { error } from '../bank/made-world.js';
import { temporaryFolder, writeRows } from '../support/preference-file.js';
import { chainsOf, identity, SETTINGS, storedRow, writeStored } from './stored-chains.js';

const EVIL = 'model <script>alert(1)</script> | `x` \u001b[31m \u202e';
/** What could steer a terminal. */
const STEERING = ['\u001b', '\u202e'];
let report: EvaluationReport;
const folder = await suiteFolder();

beforeAll(async () => {
  const rows = Array.from({ length: 40 }, (_, index) => {
    const scores = [0, 1, 2, 3].map((place) => ((place + index) % 3 === 0 ? [4, 5] : [7 + (index % 2), 1]));
    const similar = chainsOf([index % 2 ? [8, 2] : [3, 4]], { level: 'prototype' });
    return storedRow(index + 1, [...chainsOf(scores), ...similar], {
      user: `u${index % 10}`,
      history: index % 8,
      subset: index % 2 ? '=cmd()' : 'a,"b"',
    });
  });
  const path = await writeStored(folder, rows, {
    identity: identity({ sampling: { individual: 4, prototype: 1 } }),
    header: { model: EVIL },
  });
  report = await evaluate(await openChains(path), {
    kernels: SETTINGS.kernels,
    resamples: 300,
    levels: [
      { individual: 1, prototype: 0 },
      { individual: 2, prototype: 0 },
      { individual: 4, prototype: 1 },
    ],
  });
});

const MISSING: string | null = await import('vega' as string).then(
  () => null,
  () => 'vega is not installed',
);

describe('a report', () => {
  it('names its files and no folder of this machine', () => {
    expect(report.chains.path).toMatch(/^[^/\\]+\.jsonl$/);
    for (const text of [JSON.stringify(report), markdownText(report), reportPage(report, [])])
      expect(text).not.toContain(folder);
  });
});

describe('words for figures', () => {
  it('writes percentages, points, intervals and p-values', () => {
    expect([percent(0.6125), percent(null), percent(0.5, 0)]).toEqual(['61.3', '-', '50']);
    expect([points(0.014), points(-0.014), points(0)]).toEqual(['+1.4', '-1.4', '+0.0']);
    expect(intervalText({ low: 0.5, high: 0.654 })).toBe('50.0 to 65.4');
    expect(intervalText({ untold: 'few' })).toBe('cannot be told');
    expect([pText(0.0004), pText(0.0104)]).toEqual(['< 0.001', '0.010']);
  });
});

describe('tables', () => {
  it('have a cell for every column, and the levels in their order', () => {
    const tables = reportTables(report);
    for (const { head, rows } of tables) for (const cells of rows) expect(cells).toHaveLength(head.length);
    expect(tables[0]!.rows.map(([name]) => name)).toEqual(['1', 'ind-2', 'ind-4+pro-1', 'longest response']);
    expect(tables.map(({ title }) => title)).toEqual([
      'Accuracy by level',
      'Differences between levels',
      'Levels against baselines',
      'Ties and failures',
      'Accuracy by kind of row',
      'Single chains: usable share and position bias',
      'Calibration of the probability that the winner wins',
      'Reliability',
    ]);
    expect(tables[1]!.rows.map(([name]) => name)).toEqual([
      'ind-2 - 1',
      'ind-4+pro-1 - 1',
      'ind-4+pro-1 - ind-2',
    ]);
  });

  it('are harmless on a terminal and in Markdown', () => {
    const text = terminalText(report);
    for (const sign of STEERING) expect(text).not.toContain(sign);
    expect(text).toContain('ind-4+pro-1');
    const markdown = markdownText(report);
    for (const sign of STEERING) expect(markdown).not.toContain(sign);
    expect(markdown).not.toMatch(/(?<!\\)<script/);
    for (const line of markdown.split('\n').filter((one) => one.startsWith('| ')))
      expect(line.match(/(?<!\\)\|/g)!.length).toBeGreaterThan(5);
  });
});

describe('CSV', () => {
  it('holds every figure, quoted where needed, and no formulas', () => {
    const lines = csvText(report).split('\r\n');
    expect(lines.at(-1)).toBe('');
    const columns = lines[0]!.split(',').length;
    for (const line of lines.slice(0, -1)) {
      const cells = line.replace(/"(?:[^"]|"")*"/g, 'quoted').split(',');
      expect(cells).toHaveLength(columns);
    }
    const accuracy = report.levels[0]!.accuracy.half;
    expect(lines).toContain(
      `level,1,,,,accuracy_half,${accuracy.value},${accuracy.byUsers.low},${accuracy.byUsers.high},${accuracy.byRows.low},${accuracy.byRows.high},40,10,,,`,
    );
    expect(csvText(report)).toContain('"a,""b"""');
    expect(csvText(report)).toContain("'=cmd()");
    expect(csvText(report)).not.toContain(',=cmd()');
  });
});

describe('the page', () => {
  it('shows text as text, fetches nothing, and knows light and dark', () => {
    const page = reportPage(report, []);
    expect(page).not.toContain('<script');
    expect(page).toContain('&lt;script&gt;');
    expect(page).toMatch(/prefers-color-scheme: dark/);
    expect(page).toMatch(/default-src 'none'/);
    expect(page).not.toMatch(/(src|href)="/);
  });

  it('puts each picture with its table, and says where one could not be drawn', () => {
    const pictures = charts(report).map((chart, index) => ({
      chart,
      svg: index === 0 ? '<svg>A</svg>' : null,
    }));
    const page = reportPage(report, pictures);
    expect(page.indexOf('<svg>A</svg>')).toBeGreaterThan(page.indexOf('<h2>Accuracy by level'));
    expect(page.match(/could not be drawn/g)).toHaveLength(pictures.length - 1);
  });
});

describe('charts', () => {
  it('show what the report says', () => {
    const [accuracy, differences, calibration, ...kinds] = charts(report);
    const values = (accuracy!.spec.data as { values: { name: string; estimate: number }[] }).values;
    expect(values.map(({ name }) => name)).toEqual(['1', 'ind-2', 'ind-4+pro-1', 'longest response']);
    expect(values[0]!.estimate).toBeCloseTo(100 * report.levels[0]!.accuracy.half.value!, 10);
    expect(differences!.title).toBe('Differences between levels');
    expect(calibration!.title).toBe('Calibration');
    expect(kinds.map(({ title }) => title)).toEqual(['Accuracy by history events', 'Accuracy by subset']);
  });

  it.skipIf(MISSING !== null)(`become SVG in the colours of the page (${MISSING ?? 'vega'})`, async () => {
    const draw = await loadDraw();
    const pictures = [];
    for (const chart of charts(report)) pictures.push({ chart, svg: await draw(chart.spec) });
    for (const { svg } of pictures) {
      expect(svg).toMatch(/^<svg /);
      expect(svg).toContain('currentColor');
      expect(svg).not.toMatch(/fill="(#000|#fff|black|white)"|NaN|undefined/);
    }
    const ids = pictures.flatMap(({ svg }) => [...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    expect(new Set(ids).size).toBe(ids.length);
    expect(reportPage(report, pictures)).not.toContain('<script');
  });
});

describe('writeReport', () => {
  const draw = async (): Promise<Draw> => async () => '<svg></svg>';

  it('writes all files, and again over them', async () => {
    const out = join(await temporaryFolder(), 'deep', 'out');
    for (let time = 0; time < 2; time += 1) {
      const { files, withoutPictures } = await writeReport(out, report, draw);
      expect(withoutPictures).toBeNull();
      expect(files).toHaveLength(4);
    }
    const { json, csv, markdown, page } = EVALUATION_FILES;
    expect((await readdir(out)).sort()).toEqual([csv, page, json, markdown].sort());
    expect(JSON.parse(await readFile(join(out, json), 'utf8'))).toEqual(JSON.parse(JSON.stringify(report)));
    expect(await readFile(join(out, page), 'utf8')).toContain('<svg></svg>');
  });

  it('writes the page without pictures where they cannot be drawn, and says why', async () => {
    const out = await temporaryFolder();
    const { withoutPictures } = await writeReport(out, report, () =>
      Promise.reject(new Error('no vega here')),
    );
    expect(withoutPictures).toBe('no vega here');
    expect(await readFile(join(out, EVALUATION_FILES.page), 'utf8')).toContain('could not be drawn');
  });

  it('refuses a folder that cannot be one', async () => {
    const file = await writeRows(join(await temporaryFolder(), 'file'), []);
    await expect(writeReport(join(file, 'out'), report, draw)).rejects.toMatchObject(error('OUTPUT_FAILED'));
  });
});
