// Memory and power of an NVIDIA GPU while something runs, as NVML tells them through nvidia-smi, which stays open.
// Where there is no nvidia-smi nothing is told; knows nothing of what runs.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** Milliseconds between two looks. */
const INTERVAL_MS = 100;
/** Milliseconds that nvidia-smi may take for an answer. */
const ANSWERS_MS = 20_000;
const FIELDS = 'index,memory.used,power.draw';

/** What was seen between two calls of {@link GpuWatch.take}. */
export interface GpuSeen {
  /** Most memory in use on all GPUs together, in bytes, other processes' included. */
  readonly peakMemoryBytes: number;
  /** Power over time; null where the driver tells no power. */
  readonly joules: number | null;
}

/** GPUs and their driver. */
export interface GpuFacts {
  readonly names: readonly string[];
  readonly driver: string;
}

/** What nvidia-smi says of the machine; null where there is none. */
export async function gpuFacts(command = 'nvidia-smi'): Promise<GpuFacts | null> {
  try {
    const query = ['--query-gpu=name,driver_version', '--format=csv,noheader'];
    // A driver in trouble may never answer.
    const { stdout } = await promisify(execFile)(command, query, { timeout: ANSWERS_MS });
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(',').map((cell) => cell.trim()));
    return { names: rows.map(([name = '']) => name), driver: rows[0]?.[1] ?? 'unknown' };
  } catch {
    // No NVIDIA driver here: a fact like any other.
    return null;
  }
}

/** Watches the GPUs until it is closed. */
export class GpuWatch {
  readonly #process: ChildProcess;
  readonly #latest = new Map<string, { memory: number; watts: number }>();
  #peak = 0;
  #joules = 0;
  #powerKnown = true;
  #seen = 0;
  #at = performance.now();

  /** Starts to watch; null where there is no nvidia-smi. */
  static async start(command = 'nvidia-smi'): Promise<GpuWatch | null> {
    return (await gpuFacts(command)) === null ? null : new GpuWatch(command);
  }

  private constructor(command: string) {
    const format = ['--format=csv,noheader,nounits', `-lms=${INTERVAL_MS}`];
    this.#process = spawn(command, [`--query-gpu=${FIELDS}`, ...format], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#process.on('error', () => undefined);
    createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#look(line));
  }

  /** What was seen since the last call, or null where nothing was; begins anew. */
  take(): GpuSeen | null {
    const seen = this.#seen;
    const taken = { peakMemoryBytes: this.#peak, joules: this.#powerKnown ? this.#joules : null };
    this.#peak = 0;
    this.#joules = 0;
    this.#seen = 0;
    this.#at = performance.now();
    return seen === 0 ? null : taken;
  }

  close(): void {
    this.#process.kill();
  }

  #look(line: string): void {
    const [index = '', memory, watts] = line.split(',').map((cell) => cell.trim());
    if (!Number.isFinite(Number(memory))) return;
    this.#latest.set(index, { memory: Number(memory) * 2 ** 20, watts: Number(watts) });
    const all = [...this.#latest.values()];
    this.#peak = Math.max(
      this.#peak,
      all.reduce((total, one) => total + one.memory, 0),
    );
    this.#seen += 1;
    // One line a GPU: time is counted once a round of lines.
    if (index !== [...this.#latest.keys()][0]) return;
    const now = performance.now();
    const power = all.reduce((total, one) => total + one.watts, 0);
    this.#powerKnown &&= Number.isFinite(power);
    if (Number.isFinite(power)) this.#joules += (power * (now - this.#at)) / 1000;
    this.#at = now;
  }
}
