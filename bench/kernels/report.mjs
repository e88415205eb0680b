// What a run of the benchmark found: rows of plain values, printed as tables and written as JSON.
// Knows columns and aims; nothing of what is measured.
import { ratioText } from '../harness/statistics.mjs';

/** Ways to print a value. */
const SHOWN = {
  text: (value) => String(value),
  count: (value) => String(Math.round(value)),
  recall: (value) => value.toFixed(4),
  tenths: (value) => value.toFixed(1),
  hundredths: (value) => value.toFixed(2),
  ratio: (value) => ratioText(value),
  small: (value) => value.toExponential(1),
};

export class Report {
  constructor(facts) {
    this.facts = facts;
    this.parts = [];
    this.aims = [];
  }

  /** Begins a part; the tables that follow belong to it. */
  part(name) {
    this.parts.push({ name, tables: [] });
    console.log(`\n== ${name}`);
  }

  /**
   * Keeps and prints a table. `columns` maps a key of the rows to its heading and the way it is shown; what a row
   * lacks is shown as a dash.
   */
  table(title, columns, rows) {
    this.parts.at(-1).tables.push({ title, rows });
    const keys = Object.keys(columns);
    const cells = rows.map((row) =>
      keys.map((key) =>
        row[key] === undefined || row[key] === null ? '-' : SHOWN[columns[key][1] ?? 'text'](row[key]),
      ),
    );
    const lines = [keys.map((key) => columns[key][0]), ...cells];
    const widths = keys.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
    console.log(`\n${title}`);
    for (const line of lines) {
      console.log(
        line
          .map((cell, at) => cell[at === 0 ? 'padEnd' : 'padStart'](widths[at]))
          .join('  ')
          .trimEnd(),
      );
    }
  }

  /** Notes a figure beside what it is meant to be; `unit` stands behind both. */
  aim(what, figure, least, most, unit = '') {
    if (!Number.isFinite(figure)) return;
    const met = (least === null || figure >= least) && (most === null || figure <= most);
    this.aims.push({ what, figure, least, most, unit, met });
  }

  /** Prints the aims. */
  finish() {
    if (this.aims.length === 0) return;
    console.log('\n== aims');
    for (const { what, figure, least, most, unit, met } of this.aims) {
      const bound = least === null ? `at most ${most}` : `at least ${least}`;
      console.log(`${met ? 'met   ' : 'missed'}  ${what}: ${figure.toFixed(3)}${unit} (${bound}${unit})`);
    }
  }

  /** All of it, as an object for JSON. */
  toJSON() {
    const { facts, parts, aims } = this;
    return { ...facts, parts, aims };
  }
}
