// A report as one HTML page that needs nothing else: tables and pictures, readable on light and dark ground.
// Knows tables and drawn pictures; nothing of how figures are computed.

import type { Chart } from './charts.js';
import { type EvaluationReport, remarks } from './report.js';
import { type ReportTable, reportTables } from './report-tables.js';

/** A chart and its SVG text; null where it could not be drawn. */
export interface Picture {
  readonly chart: Chart;
  readonly svg: string | null;
}

const STYLE = `
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1b1f24; --faint: #59636e; --line: #d1d9e0; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161b; --ink: #e6edf3; --faint: #9aa4af; --line: #39424c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .3rem; }
p, li, caption { color: var(--faint); } ul { padding-left: 1.2rem; }
figure { margin: .5rem 0; overflow-x: auto; } figure svg { max-width: 100%; height: auto; color: var(--ink); }
.table { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; max-width: 60rem; padding-bottom: .4rem; }
th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; }
code { font-size: .9em; overflow-wrap: anywhere; }
`;

/** The page. Text from files stands in it as text; there is no script and nothing is fetched. */
export function reportPage(report: EvaluationReport, pictures: readonly Picture[]): string {
  const { chains, protocol, settings, pgenrm, created } = report;
  const { identity } = chains;
  const facts = [
    `model ${chains.model}, SHA-256 ${identity.model.sha256 ?? 'unknown'}`,
    `template ${identity.template.name}; data ${identity.data.format}${identity.data.split === null ? '' : `, split ${identity.data.split}`}, SHA-256 ${identity.data.fingerprint}`,
    `protocol: ${protocol.rules}`,
    `run ${chains.run}, sampled ${chains.created}; computed ${created} by pgenrm ${pgenrm}, ${settings.resamples} resamples, seed ${settings.seed}, ${settings.kernels} kernels`,
    ...remarks(report),
  ];
  const tables = reportTables(report);
  const titled = new Set(tables.map(({ title }) => title));
  const sections = [
    ...tables.map((table) => {
      const own = pictures.filter(({ chart }) => chart.title === table.title);
      return `<section><h2>${escaped(table.title)}</h2>${own.map(figure).join('')}${tableHtml(table)}</section>`;
    }),
    ...pictures
      .filter(({ chart }) => !titled.has(chart.title))
      .map((picture) => `<section><h2>${escaped(picture.chart.title)}</h2>${figure(picture)}</section>`),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>pgenrm evaluation ${escaped(chains.run)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Evaluation</h1>
<ul>
${facts.map((fact) => `<li>${escaped(fact)}</li>`).join('\n')}
</ul>
${sections.join('\n')}
</body>
</html>
`;
}

function figure({ chart, svg }: Picture): string {
  if (svg === null) return '<p>The picture could not be drawn here; the figures are in the tables.</p>';
  return `<figure role="img" aria-label="${escaped(chart.description)}">${svg}</figure>`;
}

function tableHtml({ note, head, rows }: ReportTable): string {
  const line = (cells: readonly string[], tag: 'td' | 'th'): string =>
    `<tr>${cells.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join('')}</tr>`;
  return `<div class="table"><table><caption>${escaped(note)}</caption><thead>${line(head, 'th')}</thead><tbody>${rows.map((cells) => line(cells, 'td')).join('')}</tbody></table></div>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign]!).replace(/\p{Cc}/gu, ' ');
}
