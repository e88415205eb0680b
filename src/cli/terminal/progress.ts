// Shows how far a run is: a bar on a terminal, sparse lines elsewhere, JSON lines where asked for.
// Knows run events; nothing of how rows are scored.

import type { Writable } from 'node:stream';
import { Presets, SingleBar } from 'cli-progress';
import { printableJson } from '../../output/printable.js';
import type { LoadProgress } from '../../reward-model/reward-model.js';
import type { RunEvent } from '../../run/scoring/scoring-run.js';
import { STOPPING_TEXT } from './interrupt.js';
import { RunPace } from './pace.js';

/** How progress is shown. */
export type ProgressKind = 'none' | 'json' | 'bar' | 'lines';

/** Follows a run. */
export interface Progress {
  readonly loading: (progress: LoadProgress) => void;
  /** `note`: what else is to be said of how it goes. */
  readonly onEvent: (event: RunEvent, note?: () => string) => void;
  /** Something else has happened: as JSON, and in words. */
  readonly say: (event: { readonly event: string }, text: string) => void;
  /** How a shared run goes, where progress is JSON. */
  readonly pace: (status: { readonly event: string }) => void;
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
  return {
    loading: nothing,
    onEvent: nothing,
    say: nothing,
    pace: nothing,
    stopping: nothing,
    close: nothing,
  };
}

function nothing(): void {}

function noted(note: (() => string) | undefined): string {
  return note === undefined ? '' : `, ${note()}`;
}

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
      format: '{phase} {bar} {value}/{total}{pace}',
      hideCursor: true,
      clearOnComplete: true,
      barsize: 10,
    },
    Presets.shades_classic,
  );
  let phase = '';
  let pace: RunPace | null = null;
  let unscored = 0;
  const close = (): void => {
    if (phase !== '') bar.stop();
    phase = '';
  };
  const show = (name: string, total: number, value: number, unit: string): void => {
    if (phase !== '') bar.stop();
    phase = name;
    bar.start(total, value, { phase: name, pace: unit });
  };
  return {
    loading: ({ phase: name, done, total, source }) => {
      if (name === 'download' && total === 0) err.write(`download: asking for ${source ?? 'the model'}\n`);
      const percent = total > 0 ? Math.round((done / total) * 100) : 0;
      if (phase !== name) show(name, 100, percent, ' %');
      else bar.update(percent);
    },
    onEvent: (event, note) => {
      if (event.type === 'started' || event.type === 'retrying') {
        const done = event.type === 'started' ? event.done : 0;
        pace = new RunPace(event.rows, done);
        show(event.type === 'started' ? 'judge' : 'retry', event.rows, done, ' rows');
      } else if (event.type === 'row' && event.record.status !== 'scored') {
        unscored += 1;
      } else if (event.type === 'progress' && pace !== null && phase !== '') {
        const { rows, text } = pace.at(event.judged);
        bar.update(rows, {
          pace: ` rows, ${text}${noted(note)}${unscored > 0 ? `, ${unscored} not scored` : ''}`,
        });
      }
    },
    say: (_, text) => err.write(`${text}\n`),
    pace: nothing,
    stopping: () => {
      close();
      err.write(STOPPING_TEXT);
    },
    close,
  };
}

function jsonProgress(err: Writable): Progress {
  let told = performance.now();
  const write = (event: object): void => {
    err.write(`${printableJson(event)}\n`);
  };
  return {
    loading: tenths(({ phase, done, total }) => write({ event: phase, done, total })),
    onEvent: (event) => {
      if (event.type === 'progress') {
        if (performance.now() - told < JSON_INTERVAL_MS) return;
        told = performance.now();
        write({ event: 'progress', ...event.judged });
      } else if (event.type === 'row') {
        const { row, id, status, winner, tie, ms } = event.record;
        write({ event: 'row', row, id, status, winner, tie, ms, done: event.done, rows: event.rows });
      } else {
        const { type, ...facts } = event;
        write({ event: type, ...facts });
      }
    },
    say: write,
    pace: write,
    stopping: () => write({ event: 'stopping' }),
    close: nothing,
  };
}

/** Milliseconds between two lines where nobody watches a terminal. */
const LINE_INTERVAL_MS = 10_000;
/** Milliseconds between two JSON lines of what is judged. */
const JSON_INTERVAL_MS = 1000;

function lineProgress(err: Writable): Progress {
  let spoke = Number.NEGATIVE_INFINITY;
  let pace: RunPace | null = null;
  let total = 0;
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
    onEvent: (event, note) => {
      if (event.type === 'started') {
        pace = new RunPace(event.rows, event.done);
        total = event.rows;
        say(`judging ${event.rows} rows${event.done > 0 ? `, ${event.done} done before` : ''}`);
      } else if (event.type === 'retrying') {
        pace = new RunPace(event.rows, 0);
        total = event.rows;
        say(`judging ${event.rows} failed rows again`);
      } else if (
        event.type === 'progress' &&
        pace !== null &&
        performance.now() - spoke >= LINE_INTERVAL_MS
      ) {
        const { rows, text } = pace.at(event.judged);
        say(`${rows} of ${total} rows, ${text}${noted(note)}`);
      }
    },
    say: (_, text) => say(text),
    pace: nothing,
    stopping: () => err.write(STOPPING_TEXT),
    close: nothing,
  };
}
