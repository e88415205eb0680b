// A judgment's state in the page: what was asked, the chains that came, how it ended.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { inputOf, type JudgeTask } from '../data/task.js';
import type { Engine, JudgeAsk, ShownChain, WrittenText } from '../engines/engine.js';
import { failureOf } from './use-model.js';

export interface RunFacts {
  readonly promptTokens: number;
  readonly usedEvents: number;
  readonly droppedEvents: number;
}

export interface JudgmentRun {
  readonly status: 'idle' | 'running' | 'done' | 'stopped' | 'failed';
  /** What was judged; null before the first judgment. */
  readonly task: JudgeTask | null;
  /** Chains that were asked for. */
  readonly asked: number;
  readonly chains: readonly ShownChain[];
  /** Chains of the judgment before, of the same task. */
  readonly earlier: readonly ShownChain[];
  readonly writing: WrittenText | null;
  readonly facts: RunFacts | null;
  readonly failure: { readonly code: string; readonly message: string } | null;
}

const NOTHING: JudgmentRun = {
  status: 'idle',
  task: null,
  asked: 0,
  chains: [],
  earlier: [],
  writing: null,
  facts: null,
  failure: null,
};

export interface JudgmentActions {
  judge(task: JudgeTask, how: Omit<JudgeAsk, 'input'>): void;
  stop(): void;
  /** Shows chains that were written before, elsewhere. */
  show(task: JudgeTask, chains: readonly ShownChain[]): void;
  clear(): void;
}

export function useJudgment(engine: Engine): {
  readonly run: JudgmentRun;
  readonly actions: JudgmentActions;
} {
  const [run, setRun] = useState<JudgmentRun>(NOTHING);
  const running = useRef<AbortController | null>(null);
  const end = useCallback(() => running.current?.abort(new DOMException('stopped', 'AbortError')), []);

  const judge = useCallback<JudgmentActions['judge']>(
    (task, how) => {
      end();
      const stop = new AbortController();
      running.current = stop;
      const change = (make: (before: JudgmentRun) => Partial<JudgmentRun>): void => {
        if (running.current === stop) setRun((before) => ({ ...before, ...make(before) }));
      };
      // What an earlier judgment of the same task gave stays until the new one begins to write.
      setRun((before) => ({
        ...NOTHING,
        status: 'running',
        task,
        asked: how.individual,
        earlier: before.task?.id === task.id ? before.chains : [],
      }));
      const listener = {
        started: (facts: RunFacts) => change(() => ({ facts })),
        writing: (writing: WrittenText) => change(() => ({ writing })),
        chain: (chain: ShownChain) =>
          change(({ chains, writing }) => ({
            chains: [...chains, chain],
            writing: writing?.seed === chain.seed ? null : writing,
          })),
      };
      engine.judge({ input: inputOf(task), ...how }, listener, stop.signal).then(
        ({ chains, promptTokens, usedEvents, droppedEvents }) =>
          change(() => ({
            status: 'done',
            chains,
            writing: null,
            facts: { promptTokens, usedEvents, droppedEvents },
          })),
        (error: unknown) =>
          // What came before stays: it is worth what it is.
          change(({ chains, earlier }) =>
            stop.signal.aborted
              ? { status: 'stopped', writing: null }
              : {
                  status: 'failed',
                  writing: null,
                  failure: failureOf(error),
                  chains: chains.length > 0 ? chains : earlier,
                },
          ),
      );
    },
    [engine, end],
  );

  const show = useCallback<JudgmentActions['show']>(
    (task, chains) => {
      end();
      running.current = null;
      setRun({ ...NOTHING, status: 'done', task, asked: chains.length, chains });
    },
    [end],
  );
  const clear = useCallback(() => {
    end();
    running.current = null;
    setRun(NOTHING);
  }, [end]);
  useEffect(() => () => end(), [end]);

  // A tab that is closed while chains are written asks first.
  const isRunning = run.status === 'running';
  useEffect(() => {
    if (!isRunning) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [isRunning]);

  return { run, actions: { judge, stop: end, show, clear } };
}
