// What `/metrics` shows: requests, comparisons, chains and tokens, and how the process does.
// Knows names of metrics; each server has a registry of its own.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Judgment } from '../reward-model/judgment.js';
import type { Admission } from './judging/admission.js';

/** Counts what a server does. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'route' | 'status'>;
  readonly #seconds: Histogram<'route'>;
  readonly #judgments: Counter<'status'>;
  readonly #chains: Counter<'outcome'>;
  readonly #tokens: Counter<'kind'>;

  constructor(admission: () => Pick<Admission, 'admitted' | 'running' | 'waiting'> | null) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    const counter = <L extends string>(name: string, help: string, labelNames: L[]): Counter<L> =>
      new Counter({ name: `pgenrm_${name}`, help, labelNames, registers });
    this.#requests = counter('requests_total', 'Requests answered.', ['route', 'status']);
    this.#judgments = counter('judgments_total', 'Judgments made, by how they ended.', ['status']);
    this.#chains = counter('chains_total', 'Chains written.', ['outcome']);
    this.#tokens = counter('tokens_total', 'Tokens of prompts, of these decoded, and generated.', ['kind']);
    this.#seconds = new Histogram({
      name: 'pgenrm_request_seconds',
      help: 'Seconds from a request to the end of its answer.',
      labelNames: ['route'],
      buckets: [0.002, 0.01, 0.05, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300],
      registers,
    });
    const gauges = {
      admitted: 'Rows that were let in and are not answered yet.',
      running: 'Comparisons at work.',
      waiting: 'Comparisons that wait for their turn.',
    } as const;
    for (const [name, help] of Object.entries(gauges)) {
      new Gauge({
        name: `pgenrm_${name}`,
        help,
        registers,
        collect() {
          this.set(admission()?.[name as keyof typeof gauges] ?? 0);
        },
      });
    }
  }

  answered(route: string, status: number, ms: number): void {
    this.#requests.inc({ route, status: `${status}` });
    this.#seconds.observe({ route }, ms / 1000);
  }

  judged({ status, chains, tokens }: Judgment): void {
    this.#judgments.inc({ status });
    const lost = chains.filter((chain) => chain.lost !== null).length;
    this.#chains.inc({ outcome: 'usable' }, chains.length - lost);
    this.#chains.inc({ outcome: 'lost' }, lost);
    this.#tokens.inc({ kind: 'prompt' }, tokens.prompt);
    this.#tokens.inc({ kind: 'decoded_prompt' }, tokens.decodedPrompt);
    this.#tokens.inc({ kind: 'generated' }, tokens.generated);
  }

  /** In Prometheus' text format. */
  async text(): Promise<{ readonly body: string; readonly type: string }> {
    return { body: await this.#registry.metrics(), type: this.#registry.contentType };
  }
}
