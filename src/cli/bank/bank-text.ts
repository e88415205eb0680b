// How a build's progress and a bank's prototypes look on a terminal.
// Knows build events and descriptions; text that a model or a file wrote is made harmless.

import type { Writable } from 'node:stream';
import { Presets, SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import type { PrototypeBank } from '../../bank/bank.js';
import type { BankManifest } from '../../bank/file/manifest.js';
import type { PrototypeDescription } from '../../bank/inspect-bank.js';
import type { AddedRows, FailedRow } from '../../bank-build/add-rows.js';
import type { BuildEvent } from '../../bank-build/build-bank.js';
import { printableJson } from '../../output/printable.js';
import { harmless } from '../demo/demo-text.js';
import type { Signals } from '../options/judged-data.js';
import { STOPPING_TEXT } from '../terminal/interrupt.js';
import type { ProgressKind } from '../terminal/progress.js';

/** Follows a build. */
export interface BuildProgress {
  readonly onEvent: (event: BuildEvent) => void;
  /** The build was asked to stop. */
  readonly stopping: () => void;
  /** Takes the bar away; safe to call twice. */
  readonly close: () => void;
}

/** Options that say how progress is shown. */
export interface ProgressOptions {
  readonly quiet?: true;
  readonly jsonProgress?: true;
}

/** Says what is known of the users: in words, or as one JSON line before the build's own where there is anything to say. */
export function tellSignals({ event, say }: Signals, options: ProgressOptions, err: Writable): void {
  if (options.jsonProgress !== true) say();
  else if (Object.keys(event).length > 0) err.write(`${printableJson({ event: 'data', ...event })}\n`);
}

/** How progress is shown on a stream. */
export function progressKind(options: ProgressOptions, err: Writable & { isTTY?: boolean }): ProgressKind {
  if (options.jsonProgress) return 'json';
  if (options.quiet) return 'none';
  return err.isTTY === true ? 'bar' : 'lines';
}

/** Milliseconds between two lines of one stage where nobody watches a terminal. */
const LINE_INTERVAL_MS = 10_000;

/** Makes the display of a build's progress on a stream. */
export function buildProgress(err: Writable, kind: ProgressKind): BuildProgress {
  if (kind === 'none') return { onEvent: nothing, stopping: nothing, close: nothing };
  if (kind === 'bar') return barProgress(err);
  let spoke = Number.NEGATIVE_INFINITY;
  return {
    onEvent(event) {
      if (kind === 'json') {
        const { type, ...facts } = event;
        err.write(`${printableJson({ event: type, ...(type === 'finished' ? {} : facts) })}\n`);
      } else if (event.type === 'stage') {
        const before = event.done > 0 ? `, ${event.done} of ${event.total} done before` : '';
        err.write(`${event.stage}${before}\n`);
        spoke = performance.now();
      } else if (event.type === 'progress' && performance.now() - spoke >= LINE_INTERVAL_MS) {
        err.write(`${event.stage}: ${event.done} of ${event.total}\n`);
        spoke = performance.now();
      }
    },
    stopping: () => err.write(kind === 'json' ? '{"event":"stopping"}\n' : STOPPING_TEXT),
    close: nothing,
  };
}

function barProgress(err: Writable): BuildProgress {
  const bar = new SingleBar(
    {
      stream: err as NodeJS.WriteStream,
      format: '{stage} {bar} {value}/{total} | left {eta_formatted}',
      hideCursor: true,
      clearOnComplete: true,
      barsize: 24,
    },
    Presets.shades_classic,
  );
  let shown = false;
  const close = (): void => {
    if (shown) bar.stop();
    shown = false;
  };
  return {
    onEvent(event) {
      if (event.type === 'finished') return;
      if (event.type === 'stage') {
        close();
        bar.start(event.total, event.done, { stage: event.stage });
        shown = true;
      } else if (shown) {
        bar.update(event.done);
      }
    },
    stopping: () => {
      close();
      err.write(STOPPING_TEXT);
    },
    close,
  };
}

function nothing(): void {}

/** The closing summary of a build. */
export function buildText(out: string, manifest: BankManifest, built: boolean): string {
  const { counts, refinement, silhouettes, failedRows } = manifest;
  const lines = [
    `bank       ${out}${built ? '' : ' (was there already, of the same data and options)'}`,
    `members    ${counts.members} of ${manifest.data.rows} rows, ${counts.users} users, ${counts.prototypes} prototypes`,
  ];
  const best = silhouettes?.reduce(
    (top, next) => (next.silhouette > top.silhouette ? next : top),
    silhouettes[0]!,
  );
  if (best !== undefined)
    lines.push(`k          ${best.k}, of mean silhouette ${best.silhouette.toFixed(3)}`);
  if (refinement !== null) {
    const { pairs, steps, lossBefore, lossAfter } = refinement;
    lines.push(
      `refined    on ${pairs} pairs in ${steps} steps: loss ${lossBefore.toFixed(4)}, then ${lossAfter.toFixed(4)}`,
    );
  }
  if (counts.shortenedTexts > 0)
    lines.push(`shortened  ${counts.shortenedTexts} texts were cut to the embedder's limit`);
  if (failedRows.length > 0) {
    lines.push(
      `left out   ${counts.lost} lost, ${counts.failed} failed, ${counts.invalid} invalid; ${out}/manifest.json lists them`,
      ...rowLines(failedRows),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The closing summary of an addition. */
export function additionText(bank: string, { users, events, known, failedRows }: AddedRows): string {
  const lines = [
    `bank       ${bank}`,
    `added      ${users} users; ${events} choices of users it had, ${known} were known`,
  ];
  if (failedRows.length > 0) lines.push(`left out   ${failedRows.length} rows`, ...rowLines(failedRows));
  return `${lines.join('\n')}\n`;
}

/** The first of the rows that failed. */
function rowLines(failedRows: readonly FailedRow[]): string[] {
  return failedRows
    .slice(0, 5)
    .map(({ row, id, reason }) => `           row ${row} (${harmless(id)}): ${oneLine(reason, 140)}`);
}

/** A bank and its prototypes for people. */
export function inspectionText(bank: PrototypeBank, prototypes: readonly PrototypeDescription[]): string {
  const { manifest } = bank;
  const { madeWith, counts } = manifest;
  const table = new Table({
    head: ['prototype', 'members', 'users', 'cohesion', 'nearest members'],
    style: { head: [], border: [] },
  });
  for (const { prototype, members, users, cohesion, nearest } of prototypes) {
    const near = nearest.map(({ userId, cosine }) => `${harmless(userId)} ${cosine.toFixed(3)}`).join(', ');
    table.push([prototype, members, users, cohesion.toFixed(3), near]);
  }
  const head = [
    `bank       ${bank.path}`,
    `made       ${manifest.created} by pgenrm ${manifest.pgenrm}`,
    `model      ${madeWith.model.sha256 ?? 'unknown'}, template ${harmless(madeWith.template.name)}`,
    `embedder   ${madeWith.embedder.sha256 ?? 'unknown'}, pooling ${madeWith.embedder.pooling}, ${madeWith.embedder.dimension} dimensions`,
    `holds      ${counts.members} members, ${counts.users} users, ${counts.prototypes} prototypes; ${bank.additions} additions since`,
    '',
  ];
  const details = prototypes.flatMap(({ prototype, criteria, persona }) => [
    '',
    `prototype ${prototype}: ${persona === '' ? '(no persona)' : oneLine(persona, 200)}`,
    ...criteria.map(
      ({ name, share, weight }) =>
        `  ${oneLine(name, 80)}: in ${Math.round(share * 100)}% of rubrics${weight === null ? '' : `, mean weight ${weight.toFixed(0)}%`}`,
    ),
  ]);
  return `${[...head, table.toString(), ...details].join('\n')}\n`;
}

function oneLine(text: string, width: number): string {
  const line = harmless(text).replace(/\s+/g, ' ').trim();
  return line.length <= width ? line : `${line.slice(0, width - 3)}...`;
}
