// What an application calls: judges in a worker, one each or several in one.
// Knows the service in a worker and the judge over it.

import { PgenrmError } from '../errors.js';
import type { LoadOptions } from '../reward-model/load/load-options.js';
import type { ServiceEmbedder, ServiceHealth, ServiceStatistics } from '../service/contract.js';
import { Judge } from '../service/judge.js';
import type { ServiceLimits } from '../service/local-service.js';
import type { WorkerKind } from './worker-channel.js';
import { WorkerService } from './worker-service.js';

/** How a worker runs. */
export interface WorkerOptions extends ServiceLimits {
  /** Default `process`. In Electron's main process give `utilityProcess`, once the app is ready. */
  readonly worker?: WorkerKind;
  /** As {@link LoadOptions.assetRoot}: where the worker's own file lies. */
  readonly assetRoot?: string;
}

/** Which judge to make in a worker. */
export interface WorkerJudgeOptions extends LoadOptions {
  /** The model of `embed`; without it `embed` is refused. */
  readonly embeddings?: string | ServiceEmbedder;
}

/** {@link WorkerJudgeOptions} and how the worker runs. */
export interface CreateJudgeOptions extends WorkerJudgeOptions, WorkerOptions {}

/** A worker that holds several judges within one memory budget. */
export class JudgeWorker implements AsyncDisposable {
  readonly #service: WorkerService;

  /** The worker begins with the first judge. Errors: `INVALID_OPTION`. */
  constructor(options: WorkerOptions = {}) {
    const { worker = 'process', assetRoot, ...limits } = options;
    if (worker !== 'process' && worker !== 'thread' && typeof worker?.fork !== 'function') {
      throw new PgenrmError(
        'INVALID_OPTION',
        `worker must be process, thread, or Electron's utilityProcess; got ${String(worker)}`,
      );
    }
    this.#service = new WorkerService(worker, limits, assetRoot);
  }

  /** Process id of the worker; null where it does not run at this moment, and of a thread. */
  get pid(): number | null {
    return this.#service.pid;
  }

  /** Loads a model and gives its judge; closing that frees the model only. Errors: as `RewardModel.load`. */
  async createJudge(options: WorkerJudgeOptions = {}): Promise<Judge> {
    const { signal, onProgress, onWarning, embeddings, ...model } = options;
    const judge = new Judge(this.#service, model, {
      embedder: typeof embeddings === 'string' ? { model: embeddings } : (embeddings ?? null),
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(onWarning === undefined ? {} : { onWarning }),
    });
    await judge.load(signal === undefined ? {} : { signal });
    return judge;
  }

  async statistics(): Promise<ServiceStatistics> {
    return this.#service.submit({ op: 'statistics' }).answer;
  }

  async health(): Promise<ServiceHealth> {
    return this.#service.submit({ op: 'health' }).answer;
  }

  /** Ends what is at work with `DISPOSED` and the worker; safe to call twice. */
  async close(): Promise<void> {
    await this.#service.close();
  }

  /** As {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Loads a model in a worker of its own. Judgments are those of `RewardModel` with the same options, and the
 * application's event loop stays free. A worker that crashes is begun anew, and what it had not answered is done again.
 * It ends with `close()`, with the application, and never before its work. Errors: as `RewardModel.load`, and
 * `WORKER_LOST` where no worker can be begun.
 */
export async function createJudge(options: CreateJudgeOptions = {}): Promise<Judge> {
  const { worker, mostOpen, memoryBudget, unloadAfterMs, ...judgeOptions } = options;
  const { assetRoot } = options;
  const host = new JudgeWorker({
    ...(worker === undefined ? {} : { worker }),
    ...(mostOpen === undefined ? {} : { mostOpen }),
    ...(memoryBudget === undefined ? {} : { memoryBudget }),
    ...(unloadAfterMs === undefined ? {} : { unloadAfterMs }),
    ...(assetRoot === undefined ? {} : { assetRoot }),
  });
  try {
    const judge = await host.createJudge(judgeOptions);
    return judge.owning(host);
  } catch (error) {
    await host.close();
    throw error;
  }
}
