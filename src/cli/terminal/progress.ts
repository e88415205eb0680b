// Shows how far a run is: a bar on a terminal, sparse lines elsewhere, JSON lines where asked for.
// Knows run events; nothing of how rows are scored.

import type { Writable } from 'node:stream';
import { Presets, SingleBar } from 'cli-progress';
import { printableJson } from '../../output/printable.js';
import type { LoadProgress } from '../../reward-model/reward-model.js';
import type { RunEvent } from '../../run/scoring/scoring-run.js';
import { STOPPING_TEXT } from './interrupt.js';

/** How progress is shown. */
export type ProgressKind = 'none' | 'json' | 'bar' | 'lines';

/** Follows a run. */
export interface Progress {
  readonly loading: (progress: LoadProgress) => void;
  readonly onEvent: (event: RunEvent) => void;
  /** The run was asked to stop. */
  readonly stopping: () => void;
  /** Takes the bar away; safe to call twice. */
  readonly close: () => void;
}

/** Makes the display of a run's progress on a stream. */
export function createProgress(err: Writable, kind: ProgressKind): Progress {
  if (kind === 'bar') return barProgress(err);
  if (kind === 'json') return jsonProgress(err);
  if (kind === 'lines') return lineProgress(err);
  return { loading: nothing, onEvent: nothing, stopping: nothing, close: nothing };
}

function nothing(): void {}

/** Shares of a phase that are worth a word: tenths. */
function tenths(say: (progress: LoadProgress) => void): (progress: LoadProgress) => void {
  let last = '';
  return (progress) => {
    const tenth = progress.total > 0 ? Math.floor((progress.done / progress.total) * 10) : 0;
    const mark = `${progress.phase} ${progress.total > 0 ? tenth : ''} ${progress.source ?? ''}`;
    if (mark === last) return;
    last = mark;
    say(progress);
  };
}

function barProgress(err: Writable): Progress {
  const bar = new SingleBar(
    {
      stream: err as NodeJS.WriteStream,
      format: '{phase} {bar} {value}/{total} | {percentage}% | left {eta_formatted}{note}',
      hideCursor: true,
      clearOnComplete: true,
      barsize: 24,
    },
    Presets.shades_classic,
  );
  let phase = '';
  const show = (name: string, total: number, value: number): void => {
    if (phase !== '') bar.stop();
    phase = name;
    bar.start(total, value, { phase: name, note: '' });
  };
  return {
    loading: ({ phase: name, done, total, source }) => {
      if (name === 'download' && total === 0) err.write(`download: asking for ${source ?? 'the model'}\n`);
      const percent = total > 0 ? Math.round((done / total) * 100) : 0;
      if (phase !== name) show(name, 100, percent);
      else bar.update(percent);
    },
    onEvent: (event) => {
      if (event.type === 'started') show('score', event.rows, event.done);
      else if (event.type === 'retrying') show('retry', event.rows, 0);
      else if (event.type === 'row') {
        if (phase === 'retry') bar.increment();
        else
          bar.update(event.done, {
            note: event.record.status === 'scored' ? '' : ` | row ${event.record.row} ${event.record.status}`,
          });
      }
    },
    stopping: () => err.write(STOPPING_TEXT),
    close: () => {
      if (phase !== '') bar.stop();
      phase = '';
    },
  };
}

function jsonProgress(err: Writable): Progress {
  const write = (event: object): void => {
    err.write(`${printableJson(event)}\n`);
  };
  return {
    loading: tenths(({ phase, done, total }) => write({ event: phase, done, total })),
    onEvent: (event) => {
      if (event.type === 'row') {
        const { row, id, status, winner, tie, ms } = event.record;
        write({ event: 'row', row, id, status, winner, tie, ms, done: event.done, rows: event.rows });
      } else {
        const { type, ...facts } = event;
        write({ event: type, ...facts });
      }
    },
    stopping: () => write({ event: 'stopping' }),
    close: nothing,
  };
}

/** Milliseconds between two lines where nobody watches a terminal. */
const LINE_INTERVAL_MS = 10_000;

function lineProgress(err: Writable): Progress {
  let spoke = Number.NEGATIVE_INFINITY;
  const say = (text: string): void => {
    spoke = performance.now();
    err.write(`${text}\n`);
  };
  return {
    loading: tenths(({ phase, done, total, source }) => {
      if (phase !== 'download') return;
      say(
        total > 0 ? `download: ${done} of ${total} bytes` : `download: asking for ${source ?? 'the model'}`,
      );
    }),
    onEvent: (event) => {
      if (event.type === 'started')
        say(`scoring ${event.rows} rows${event.done > 0 ? `, ${event.done} done before` : ''}`);
      else if (event.type === 'retrying') say(`judging ${event.rows} failed rows again`);
      else if (event.type === 'row' && performance.now() - spoke >= LINE_INTERVAL_MS) {
        say(`${event.done} of ${event.rows} rows`);
      }
    },
    stopping: () => err.write(STOPPING_TEXT),
    close: nothing,
  };
}
