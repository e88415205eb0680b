// One judgment from options to verdict, its events and how it is stopped.
// Knows the order of things; prompts, waves of chains and scores each have their own file.

import { guideFor, type PlanLengths, roomBeside } from '../guided/guide.js';
import type { Kernels } from '../kernels/kernels.js';
import type { AnalysisTurn } from './analysis-cache.js';
import { JudgePrompts, type PromptParts } from './judge-prompts.js';
import { type JudgeDefaults, judgeSettings, judgeSubject } from './judge-settings.js';
import type { JudgeEvent, JudgeInput, JudgeOptions, Judgment } from './judgment.js';
import { judgmentOf } from './judgment-of.js';
import type { BankParts } from './neighbour-search.js';
import type { ChainRoom } from './writing/chain-room.js';
import { WaveWriter } from './writing/wave-writer.js';

/** What a judgment is made with. */
export interface JudgeParts extends PromptParts {
  readonly kernels: Kernels;
  /** What holds where the options do not say. */
  readonly defaults: Omit<JudgeDefaults, 'hasBank'>;
  /** Room of the generator for chains of judgments. */
  readonly room: ChainRoom;
  /** Most tokens of the plans that were asked for so far. */
  readonly planLengths: PlanLengths;
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
  const asked = judgeSettings(options, parts.generator.info, {
    ...parts.defaults,
    hasBank: parts.prototypes !== null,
  });
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
    const guide = await guideFor(parts, subject.item.candidates.length, asked.guided, stop.signal);
    const settings =
      guide === null
        ? asked
        : {
            ...asked,
            maxPromptTokens: await roomBeside(guide, parts, options.maxTokens, stop.signal),
          };
    const prompts = await JudgePrompts.of(
      { ...parts, chat: guide?.chat ?? parts.chat },
      subject,
      settings,
      stop.signal,
    );
    const { usedEvents } = prompts.own[0]!;
    const wanted = Math.min(subject.user.history.length, settings.historyEvents ?? Number.POSITIVE_INFINITY);
    const { key } = subject;
    report({
      type: 'started',
      key,
      chains: settings.individual + settings.prototypes,
      promptTokens: prompts.own.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
      usedEvents,
      droppedEvents: wanted - usedEvents,
    });
    stop.signal.throwIfAborted();
    const streamText = options.streamText === true;
    const writing = new WaveWriter({
      ...parts,
      subject,
      settings,
      guide,
      prompts,
      turn,
      stop,
      report,
      streamText,
    });
    const { chains, waves, stopped } = await writing.run();
    writing.search?.closeOffers();
    stop.signal.throwIfAborted();
    const { writer, search } = writing;
    const judgment = judgmentOf(parts.kernels, {
      subject,
      settings,
      chains,
      neighbours: search?.outcome?.found ?? null,
      retrieval: search?.record() ?? null,
      unfinished: writer.submitted - chains.length,
      waves,
      stopped,
      usedEvents,
      droppedEvents: wanted - usedEvents,
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
