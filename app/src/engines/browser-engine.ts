// Judges in this browser: a worker holds the model, so the page stays quick and a stuck model can be ended.
// Knows the worker's messages; nothing of models.
import type { JudgedChain } from 'pgenrm';
import { type Engine, type EngineFacts, EngineFailure, type ShownChain, type Verdict } from './engine.js';
import { shownChain } from './shown-chain.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

/** Milliseconds after which a worker that was told to stop is ended. */
const PATIENCE_MS = 5_000;

/** Looks at each message of the worker; gives what ends the question, or nothing. */
type Take<R> = (message: FromWorker) => { readonly answer: R } | undefined;

export function browserEngine(): Engine {
  let worker: Worker | null = null;
  let loaded: ToWorker | null = null;

  const begin = (): Worker => {
    worker ??= new Worker(new URL('./judge-worker.ts', import.meta.url), { type: 'module', name: 'judge' });
    return worker;
  };
  const end = (): void => {
    worker?.terminate();
    worker = null;
  };

  const ask = <R>(question: ToWorker, take: Take<R>, signal?: AbortSignal): Promise<R> =>
    new Promise((resolve, reject) => {
      const at = begin();
      let patience: ReturnType<typeof setTimeout> | undefined;
      const settle = (work: () => void): void => {
        clearTimeout(patience);
        at.removeEventListener('message', onMessage);
        at.removeEventListener('error', onError);
        signal?.removeEventListener('abort', onAbort);
        work();
      };
      const onMessage = ({ data }: MessageEvent<FromWorker>): void => {
        if (data.type === 'failed') {
          settle(() => reject(new EngineFailure(data.failure.code, data.failure.message)));
        } else if (data.type === 'stopped') settle(() => reject(signal?.reason));
        else {
          const taken = take(data);
          if (taken !== undefined) settle(() => resolve(taken.answer));
        }
      };
      const onError = (event: ErrorEvent): void => {
        end();
        settle(() =>
          reject(
            new EngineFailure('INTERNAL', `the judging worker ended: ${event.message || 'it did not begin'}`),
          ),
        );
      };
      const onAbort = (): void => {
        at.postMessage({ type: 'stop' } satisfies ToWorker);
        patience = setTimeout(() => {
          end();
          settle(() => reject(signal?.reason));
        }, PATIENCE_MS);
      };
      at.addEventListener('message', onMessage);
      at.addEventListener('error', onError);
      signal?.addEventListener('abort', onAbort);
      at.postMessage(question);
    });

  const load: Engine['load'] = (onProgress, files) => {
    const beside = (path: string): string => new URL(path, document.baseURI).href;
    const at = {
      wllama: beside('engine/wllama.wasm'),
      kernels: beside('engine/kernels.wasm'),
      model: beside('models/nano.gguf'),
    };
    loaded = { type: 'load', at, files: files ?? null };
    return ask<EngineFacts>(loaded, (message) => {
      if (message.type === 'progress') onProgress(message.progress);
      return message.type === 'loaded' ? { answer: message.facts } : undefined;
    });
  };

  return {
    kind: 'browser',
    takesModels: true,
    load,
    async judge(question, listener, signal): Promise<Verdict> {
      signal.throwIfAborted();
      // A worker that had to be ended took the model with it.
      if (worker === null && loaded !== null) {
        await ask(loaded, (message) => (message.type === 'loaded' ? { answer: null } : undefined));
      }
      const began = performance.now();
      const at = new Map<string, number>();
      const shown = (chain: JudgedChain): ShownChain => {
        const key = `${chain.level} ${chain.index}`;
        if (!at.has(key)) at.set(key, performance.now() - began);
        return shownChain(chain, at.get(key)!);
      };
      return ask<Verdict>(
        { type: 'judge', ask: question },
        (message) => {
          if (message.type === 'started') listener.started(message);
          else if (message.type === 'writing') listener.writing(message);
          else if (message.type === 'chain') listener.chain(shown(message.chain));
          if (message.type !== 'judged') return undefined;
          const { scores, winner, uncertainty, chains, tokens, usedEvents, droppedEvents } = message.judgment;
          return {
            answer: {
              scores,
              winner,
              uncertainty,
              chains: chains.map(shown),
              promptTokens: tokens.prompt,
              usedEvents,
              droppedEvents,
            },
          };
        },
        signal,
      );
    },
  };
}
