// Judges through the bridge of a desktop application (`examples/desktop/preload.cjs`): another process has the model.
// Knows the bridge; nothing of Electron.
import type { JudgedChain, JudgeInput, Judgment } from 'pgenrm';
import {
  type Engine,
  EngineFailure,
  type EngineProgress,
  type JudgeListener,
  type Verdict,
} from './engine.js';
import { shownChain } from './shown-chain.js';

type Failed = { readonly error: { readonly code: string; readonly message: string } };
type Told =
  | {
      readonly type: 'started';
      readonly promptTokens: number;
      readonly usedEvents: number;
      readonly droppedEvents: number;
    }
  | { readonly type: 'chain'; readonly chain: JudgedChain };

/** What the preload script gives to the page. */
export interface Bridge {
  load(): Promise<{ readonly model: string; readonly engine: string } | Failed>;
  judge(id: string, input: JudgeInput, options: object): Promise<Judgment | Failed>;
  stop(id: string): void;
  onProgress(listener: (progress: EngineProgress) => void): void;
  onEvent(listener: (id: string, event: Told) => void): void;
}

export function desktopEngine(bridge: Bridge): Engine {
  let count = 0;
  let onProgress: (progress: EngineProgress) => void = () => {};
  const running = new Map<string, (event: Told) => void>();
  // Once each: a bridge keeps its listeners.
  bridge.onProgress((progress) => onProgress(progress));
  bridge.onEvent((id, event) => running.get(id)?.(event));
  return {
    kind: 'desktop',
    takesModels: false,
    async load(listener) {
      onProgress = listener;
      const answer = await bridge.load();
      if ('error' in answer) throw failureOf(answer);
      return { model: answer.model, runsOn: `this application, ${answer.engine}`, remarks: [] };
    },
    async judge({ input, ...options }, listener, signal): Promise<Verdict> {
      signal.throwIfAborted();
      const id = `${count++}`;
      const began = performance.now();
      const at = new Map<number, number>();
      running.set(id, (event) => tell(event, listener, at, began));
      const stop = (): void => bridge.stop(id);
      signal.addEventListener('abort', stop, { once: true });
      try {
        const answer = await bridge.judge(id, input, options);
        signal.throwIfAborted();
        if ('error' in answer) throw failureOf(answer);
        const { scores, winner, uncertainty, chains, tokens, usedEvents, droppedEvents } = answer;
        const now = performance.now() - began;
        return {
          ...{ scores, winner, uncertainty, usedEvents, droppedEvents },
          chains: chains.map((chain) => shownChain(chain, at.get(chain.seed) ?? now)),
          promptTokens: tokens.prompt,
        };
      } finally {
        signal.removeEventListener('abort', stop);
        running.delete(id);
      }
    },
  };
}

function tell(event: Told, listener: JudgeListener, at: Map<number, number>, began: number): void {
  if (event.type === 'started') listener.started(event);
  else {
    at.set(event.chain.seed, performance.now() - began);
    listener.chain(shownChain(event.chain, at.get(event.chain.seed)!));
  }
}

function failureOf({ error }: Failed): EngineFailure {
  return new EngineFailure(error.code, error.message);
}
