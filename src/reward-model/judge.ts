// One judgment: prompts in every presentation order, chains, their readings, one score per candidate.
// Knows prompts, chains and the Generator interface; owns neither model nor template.

import { chainSeed, orderSeed } from '../chain/chain-seed.js';
import {
  groupByOrder,
  mapBack,
  type PresentationGroup,
  present,
  presentationOrders,
} from '../chain/presentation.js';
import { readChain } from '../chain/read-chain.js';
import type { Generation, GenerationRequest, Generator, Sample } from '../generator/generator.js';
import type { ChatTemplate } from '../prompt/chat-template.js';
import { type FittedPrompt, fitPrompt } from '../prompt/fit-prompt.js';
import { chainGrammar, GRAMMAR_TRIGGER } from '../prompt/grammar.js';
import { JSON_END } from '../prompt/markers.js';
import type { PromptTemplate } from '../prompt/template.js';
import { type JudgeSettings, type JudgeSubject, judgeSettings, judgeSubject } from './judge-settings.js';
import type { JudgedChain, JudgeEvent, JudgeInput, JudgeOptions, Judgment } from './judgment.js';
import { decide, levelScore } from './level-score.js';

/** What a judgment is made with. */
export interface JudgeParts {
  readonly generator: Generator;
  readonly template: PromptTemplate;
  readonly chat: ChatTemplate;
  /** New tokens a chain where the options do not say. */
  readonly usualMaxTokens: number;
}

/** Judges one item; see `RewardModel.judge`. */
export async function judgeItem(
  parts: JudgeParts,
  input: JudgeInput,
  options: JudgeOptions,
): Promise<Judgment> {
  const began = performance.now();
  const { signal, onEvent } = options;
  signal?.throwIfAborted();
  const settings = judgeSettings(options, parts.generator.info, parts.usualMaxTokens);
  const subject = judgeSubject(input);
  const groups = groupByOrder(
    presentationOrders(
      subject.item.candidates.length,
      settings.individual,
      orderSeed(settings.seed, subject.key),
    ),
  );
  const prompts = fitPrompts(parts, subject, settings, groups);

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
    const { usedEvents } = prompts[0]!;
    const asked = Math.min(subject.user.history.length, settings.historyEvents ?? Number.POSITIVE_INFINITY);
    const droppedEvents = asked - usedEvents;
    const promptTokens = prompts.reduce((sum, prompt) => sum + prompt.tokens.length, 0);
    const { key } = subject;
    report({ type: 'started', key, chains: settings.individual, promptTokens, usedEvents, droppedEvents });
    stop.signal.throwIfAborted();

    const chains: JudgedChain[] = [];
    let done = 0;
    const generations = await allOrNone(
      groups.map((group, index) => {
        const request = requestOf(subject, settings, group, prompts[index]!, stop.signal);
        const onSample = (sample: Sample): void => {
          const chain = judgedChain(sample, group, settings);
          chains[chain.index] = chain;
          done += 1;
          report({ type: 'chain', key, chain, done, chains: settings.individual });
        };
        return parts.generator.generate({ ...request, onSample });
      }),
      stop,
    );
    // A sample that was not announced is taken from the answer.
    for (const [index, group] of groups.entries()) {
      for (const sample of generations[index]!.samples) {
        const number = group.samples[sample.index]!;
        chains[number] ??= judgedChain(sample, group, settings);
      }
    }
    stop.signal.throwIfAborted();

    const individual = levelScore(chains, subject.item.candidates.length);
    const judgment: Judgment = {
      ...(input.id === undefined ? {} : { id: input.id }),
      status: individual.scores === null ? 'failed' : 'scored',
      scores: individual.scores,
      ...decide(individual.scores),
      levels: { individual },
      chains,
      usable: individual.usable,
      lost: individual.lost,
      usedEvents,
      droppedEvents,
      tokens: tokensOf(generations),
      times: {
        prefillMs: Math.max(...generations.map((generation) => generation.usage.prefillMs)),
        totalMs: performance.now() - began,
      },
    };
    report({ type: 'finished', key, judgment });
    stop.signal.throwIfAborted();
    return judgment;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** One prompt per order, all with the same history events: an order must not see more of the user than another. */
function fitPrompts(
  parts: JudgeParts,
  { user, item }: JudgeSubject,
  settings: JudgeSettings,
  groups: readonly PresentationGroup[],
): FittedPrompt[] {
  const fitOrder = (group: PresentationGroup, maxEvents: number | null): FittedPrompt =>
    fitPrompt({
      template: parts.template,
      chat: parts.chat,
      tokenizer: parts.generator.tokenizer,
      user,
      context: item.context,
      responses: present(group.order, item.candidates),
      maxPromptTokens: settings.maxPromptTokens,
      ...(maxEvents === null ? {} : { maxEvents }),
    });
  const prompts = groups.map((group) => fitOrder(group, settings.historyEvents));
  const fewest = Math.min(...prompts.map((prompt) => prompt.usedEvents));
  return prompts.map((prompt, index) =>
    prompt.usedEvents === fewest ? prompt : fitOrder(groups[index]!, fewest),
  );
}

function requestOf(
  { key, item }: JudgeSubject,
  settings: JudgeSettings,
  group: PresentationGroup,
  prompt: FittedPrompt,
  signal: AbortSignal,
): GenerationRequest {
  const { seed, attempt, sampling, maxTokens, grammar } = settings;
  const responses = item.candidates.length;
  return {
    prompt: prompt.tokens,
    seeds: group.samples.map((index) => chainSeed({ seed, key, level: 'individual', index, attempt })),
    sampling,
    maxTokens,
    stop: [JSON_END],
    ...(grammar === 'part2' ? { grammar: chainGrammar(responses), grammarTrigger: GRAMMAR_TRIGGER } : {}),
    ...(grammar === 'chain' ? { grammar: chainGrammar(responses, { from: 'start' }) } : {}),
    signal,
  };
}

function judgedChain(sample: Sample, group: PresentationGroup, settings: JudgeSettings): JudgedChain {
  // The generator leaves the stop string out; the model wrote it.
  const text = sample.finish === 'stop' ? `${sample.text}${JSON_END}` : sample.text;
  const reading = readChain(text, { responses: group.order.length, prefer: settings.prefer });
  const scores = reading.responses.map((response) => response.score);
  const usable = reading.usable && scores.every((score): score is number => score !== null);
  return {
    level: 'individual',
    index: group.samples[sample.index]!,
    seed: sample.seed,
    order: group.order,
    text,
    reading,
    scores: usable ? mapBack(group.order, scores) : null,
    lost: usable ? null : (reading.lost ?? 'missingScore'),
    finish: sample.finish,
    tokens: sample.tokens,
    elapsedMs: sample.elapsedMs,
  };
}

function tokensOf(generations: readonly Generation[]): Judgment['tokens'] {
  const sum = (count: (generation: Generation) => number): number =>
    generations.reduce((total, generation) => total + count(generation), 0);
  return {
    prompt: sum(({ usage }) => usage.promptTokens),
    decodedPrompt: sum(({ usage }) => usage.decodedPromptTokens),
    generated: sum(({ usage }) => usage.generatedTokens),
  };
}

/** Waits for all tasks; the first to fail stops the others, and its error is thrown once all have ended. */
async function allOrNone<T>(tasks: readonly Promise<T>[], stop: AbortController): Promise<T[]> {
  const guarded = tasks.map((task) =>
    task.catch((error: unknown) => {
      stop.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(guarded);
  stop.signal.throwIfAborted();
  return Promise.all(guarded);
}
