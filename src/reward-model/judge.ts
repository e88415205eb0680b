// One judgment from options to verdict, its events and how it is stopped.
// Knows the order of things; prompts, waves of chains and scores each have their own file.

import type { Kernels } from '../kernels/kernels.js';
import type { AnalysisTurn } from './analysis-cache.js';
import { JudgePrompts, type PromptParts } from './judge-prompts.js';
import { judgeSettings, judgeSubject } from './judge-settings.js';
import type { JudgeEvent, JudgeInput, JudgeOptions, Judgment } from './judgment.js';
import { judgmentOf } from './judgment-of.js';
import type { BankParts } from './neighbour-search.js';
import { WaveWriter } from './wave-writer.js';

/** What a judgment is made with. */
export interface JudgeParts extends PromptParts {
  readonly kernels: Kernels;
  /** New tokens a chain where the options do not say. */
  readonly usualMaxTokens: number;
  /** Where similar users are sought; null where there is no bank. */
  readonly prototypes: BankParts | null;
}

/** Judges one item; see `RewardModel.judge`. `turn`: what earlier items of the user left, in a run or a stream of items. */
export async function judgeItem(
  parts: JudgeParts,
  input: JudgeInput,
  options: JudgeOptions,
  turn: AnalysisTurn | null = null,
): Promise<Judgment> {
  const began = performance.now();
  const { signal, onEvent } = options;
  signal?.throwIfAborted();
  const settings = judgeSettings(
    options,
    parts.generator.info,
    parts.usualMaxTokens,
    parts.prototypes !== null,
  );
  const subject = judgeSubject(input);
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  const report = (event: JudgeEvent): void => {
    try {
      onEvent?.(event);
    } catch (error) {
      stop.abort(error);
    }
  };
  try {
    const prompts = await JudgePrompts.of(parts, subject, settings, stop.signal);
    const { usedEvents } = prompts.own[0]!;
    const asked = Math.min(subject.user.history.length, settings.historyEvents ?? Number.POSITIVE_INFINITY);
    const { key } = subject;
    report({
      type: 'started',
      key,
      chains: settings.individual + settings.prototypes,
      promptTokens: prompts.own.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
      usedEvents,
      droppedEvents: asked - usedEvents,
    });
    stop.signal.throwIfAborted();
    const writing = new WaveWriter({ ...parts, subject, settings, prompts, turn, stop, report });
    const { waves, stopped } = await writing.run();
    writing.search?.closeOffers();
    stop.signal.throwIfAborted();
    const { writer, search } = writing;
    const judgment = judgmentOf(parts.kernels, {
      subject,
      settings,
      chains: writer.chains,
      neighbours: search?.outcome?.found ?? null,
      retrieval: search?.record() ?? null,
      unfinished: writer.unfinished,
      waves,
      stopped,
      usedEvents,
      droppedEvents: asked - usedEvents,
      tokens: writer.tokens,
      times: { prefillMs: writer.prefillMs, totalMs: performance.now() - began },
    });
    report({ type: 'finished', key, judgment });
    stop.signal.throwIfAborted();
    return judgment;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
