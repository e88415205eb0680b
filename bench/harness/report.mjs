// Tables for people and JSON for machines.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Prints rows of cells in columns, the first one to the left. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) => String(cell)[column === 0 ? 'padEnd' : 'padStart'](widths[column]))
        .join('  '),
    );
  }
}

/** Writes a result, folders included. */
export function writeJson(file, value) {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** Bytes as MB, or a dash. */
export function megabytes(bytes) {
  return bytes === null || bytes === undefined ? '-' : (bytes / 1e6).toFixed(0);
}
