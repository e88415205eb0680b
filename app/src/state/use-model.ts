// The model's state in the page: it comes in, is there, or failed and why.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { type Engine, type EngineFacts, EngineFailure, type EngineProgress } from '../engines/engine.js';

export type ModelState =
  | { readonly status: 'loading'; readonly progress: EngineProgress | null }
  | { readonly status: 'ready'; readonly facts: EngineFacts; readonly seconds: number }
  | { readonly status: 'failed'; readonly code: string; readonly message: string };

/** Loads the engine's own model at once; `load` loads another one, or the own one again. */
export function useModel(engine: Engine): {
  readonly model: ModelState;
  load(files?: readonly File[]): void;
} {
  const [model, setModel] = useState<ModelState>({ status: 'loading', progress: null });
  const turn = useRef(0);
  const load = useCallback(
    (files?: readonly File[]) => {
      const own = ++turn.current;
      const set = (state: ModelState): void => {
        if (turn.current === own) setModel(state);
      };
      const began = performance.now();
      set({ status: 'loading', progress: null });
      engine
        .load((progress) => set({ status: 'loading', progress }), files)
        .then(
          (facts) => set({ status: 'ready', facts, seconds: (performance.now() - began) / 1000 }),
          (error: unknown) => set({ status: 'failed', ...failureOf(error) }),
        );
    },
    [engine],
  );
  useEffect(() => load(), [load]);
  return { model, load };
}

/** A failure of any kind, in words. */
export function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof EngineFailure) return { code: error.code, message: error.message };
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
}
