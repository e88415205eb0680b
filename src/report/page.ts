// A report as one HTML page that needs nothing else: facts, tables and pictures, readable on light and dark ground.
// Knows tables and drawn pictures; nothing of what they show.

import { INK, type Picture } from './chart.js';
import type { ReportTable } from './table.js';

const STYLE = `
:root { color-scheme: light dark; --ground: #ffffff; --ink: ${INK.light}; --faint: #59636e; --line: #d1d9e0; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161b; --ink: ${INK.dark}; --faint: #9aa4af; --line: #39424c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .3rem; }
p, li { color: var(--faint); max-width: 60rem; } ul { padding-left: 1.2rem; }
p.lead { color: var(--ink); } p.note { margin: .3rem 0 .5rem; } td small { color: var(--faint); }
figure { margin: .5rem 0; overflow-x: auto; } figure svg { max-width: 100%; height: auto; color: var(--ink); }
.table { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; }
code { font-size: .9em; overflow-wrap: anywhere; }
`;

/** What a page holds. Pictures stand above the table of the same title; the others stand at the end. */
export interface Page {
  readonly title: string;
  readonly heading: string;
  /** What the page is about, for who knows nothing of it. */
  readonly lead?: string;
  /** What has to be known before the figures are read. */
  readonly facts: readonly string[];
  readonly tables: readonly ReportTable[];
  readonly pictures: readonly Picture[];
}

/** The page. Text from files stands in it as text; there is no script and nothing is fetched. */
export function htmlPage({ title, heading, lead, facts, tables, pictures }: Page): string {
  const titled = new Set(tables.map((table) => table.title));
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
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(heading)}</h1>
${lead === undefined ? '' : `<p class="lead">${escaped(lead)}</p>\n`}<ul>
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
    `<tr>${cells.map((text) => `<${tag}>${cellHtml(text)}</${tag}>`).join('')}</tr>`;
  return `<p class="note">${escaped(note)}</p><div class="table"><table><thead>${line(head, 'th')}</thead><tbody>${rows.map((cells) => line(cells, 'td')).join('')}</tbody></table></div>`;
}

/** A figure's interval, `12.3 [11.0, 13.6]`, stands back behind it. */
const cellHtml = (text: string): string =>
  escaped(text).replace(/(?<=\d%? )\[[^\]]*\]$/, (interval) => `<small>${interval}</small>`);

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
