// What a run shows while it goes on: on a terminal of 80 columns, as lines, and as JSON.
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { clock, RunPace } from '../../src/cli/terminal/pace.js';
import { createProgress } from '../../src/cli/terminal/progress.js';
import type { RowRecord } from '../../src/run/scoring/row-record.js';

class Terminal extends Writable {
  readonly isTTY = true;
  readonly columns = 80;
  text = '';
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
  cursorTo(): boolean {
    this.text += '\r';
    return true;
  }
  clearLine(): boolean {
    return true;
  }
  moveCursor(): boolean {
    return true;
  }
}

const record = (status: 'scored' | 'failed'): RowRecord =>
  ({ row: 0, status, winner: null, tie: false, scores: null, tokens: {}, ms: 1 }) as unknown as RowRecord;

describe('the progress of a run', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('counts what is judged, not what is written, in a line that fits a terminal', () => {
    const terminal = new Terminal();
    const progress = createProgress(terminal, 'bar');
    progress.onEvent({ type: 'started', output: 'out', rows: 600, done: 5 });
    progress.onEvent({ type: 'row', record: record('failed'), done: 6, rows: 600 });
    vi.advanceTimersByTime(10_000);
    progress.onEvent({ type: 'progress', judged: { rows: 12.5, chains: 500, tokens: 8_700 } });
    progress.close();
    const line = terminal.text.slice(terminal.text.lastIndexOf('judge'));
    const shown = line.slice(0, line.indexOf('not scored') + 'not scored'.length);
    expect(shown).toMatch(/ 17\/600 rows, 500 chains, 870 tokens\/s, 7:46 left, 1 not scored$/);
    expect(shown.length).toBeLessThanOrEqual(80);
  });

  it('says the pace every ten seconds where nobody watches', () => {
    const terminal = new Terminal();
    const progress = createProgress(terminal, 'lines');
    progress.onEvent({ type: 'started', output: 'out', rows: 4, done: 0 });
    const judged = { rows: 1, chains: 4, tokens: 100 };
    progress.onEvent({ type: 'progress', judged });
    vi.advanceTimersByTime(10_000);
    progress.onEvent({ type: 'progress', judged });
    progress.onEvent({ type: 'progress', judged });
    expect(terminal.text).toBe('judging 4 rows\n1 of 4 rows, 4 chains, 10 tokens/s, 0:30 left\n');
  });

  it('gives JSON lines of what is judged once a second at most', () => {
    const terminal = new Terminal();
    const progress = createProgress(terminal, 'json');
    for (let chain = 1; chain <= 30; chain += 1) {
      vi.advanceTimersByTime(100);
      progress.onEvent({ type: 'progress', judged: { rows: chain / 4, chains: chain, tokens: chain } });
    }
    const lines = terminal.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual(
      [10, 20, 30].map((chains) => ({ event: 'progress', rows: chains / 4, chains, tokens: chains })),
    );
  });

  it('leaves a clean line when it is stopped', () => {
    const terminal = new Terminal();
    const progress = createProgress(terminal, 'bar');
    progress.onEvent({ type: 'started', output: 'out', rows: 4, done: 0 });
    progress.stopping();
    const stopped = terminal.text;
    progress.onEvent({ type: 'progress', judged: { rows: 1, chains: 4, tokens: 9 } });
    progress.close();
    expect(stopped.endsWith('stopping after the current step; once more quits at once\n')).toBe(true);
    expect(terminal.text).toBe(stopped);
  });

  it('estimates the time left by all of the session', () => {
    const pace = new RunPace(10, 4, 0);
    expect(pace.at({ rows: 2, chains: 8, tokens: 0 }, 4000)).toEqual({
      rows: 6,
      text: '8 chains, 0:08 left',
    });
    expect(pace.at({ rows: 0, chains: 0, tokens: 0 }, 0)).toEqual({ rows: 4, text: '0 chains' });
    expect([7, 59.2, 3723].map(clock)).toEqual(['0:07', '1:00', '1:02:03']);
  });
});
