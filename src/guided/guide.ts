// How the chains of one judgment are guided: the plan, the prompt that it continues, and the room that both need.
// Knows settings and the chat template; nothing of samples.

import { PgenrmError } from '../errors.js';
import type { Generator } from '../generator/generator.js';
import type { Plan } from '../generator/plan.js';
import type { ChatTemplate } from '../prompt/chat/chat-template.js';
import { thoughtEnd } from '../prompt/chat/opened-thought.js';
import type { GuidedSettings } from './decoding.js';
import type { GuidedChainOptions } from './guided-chain.js';
import { guidedPlan, TRAINED_LIST } from './guided-plan.js';
import { longestSample } from './plan-length.js';

/** How guided chains are written and read. */
export interface Guide {
  readonly plan: Plan;
  readonly chain: GuidedChainOptions;
  /** The chat template, its thought closed where no tokens are given to it. */
  readonly chat: ChatTemplate;
}

/** What guides are made with. */
export interface GuideParts {
  readonly chat: ChatTemplate;
  readonly generator: Generator;
  readonly planLengths: PlanLengths;
  /** Most new tokens of a chain that the model itself has the form of. */
  readonly defaults: { readonly usualMaxTokens: number };
}

/** The guide of a judgment of so many responses; null where its chains are free. Rejects as `Generator.countTokens`. */
export async function guideFor(
  { chat, generator, planLengths, defaults }: GuideParts,
  responses: number,
  guided: GuidedSettings | null,
  signal: AbortSignal,
): Promise<Guide | null> {
  if (guided === null) return null;
  const blanksEndTokens = guided.form === 'trained' && (await planLengths.blanksEndTokens(generator, signal));
  const { form, criteria, reasons, readout, think } = guided;
  const mark = chat.opensThought;
  const thought = mark === null || think === 0 ? null : { close: thoughtEnd(mark), maxTokens: think };
  return {
    plan: guidedPlan({
      form,
      responses,
      criteria,
      reasons,
      reads: readout === 'expected',
      blanksEndTokens,
      thought,
      usualTokens: defaults.usualMaxTokens,
    }),
    chain: { form, responses, criteria, readout },
    chat: mark === null || think > 0 ? chat : closed(chat, mark),
  };
}

/** A chat template whose thought is over before it began: its mark is the template's own, not data. */
function closed(chat: ChatTemplate, mark: string): ChatTemplate {
  return {
    systemRole: chat.systemRole,
    opensThought: null,
    apply: (messages) => [...chat.apply(messages), { text: `\n${thoughtEnd(mark)}\n\n`, trusted: true }],
  };
}

/** Tokens of plans and of their texts, each counted once for a model. */
export class PlanLengths {
  readonly #known = new Map<string, Promise<number>>();

  /** Whether a blank is written with the text before it: it costs no token there. Rejects as `Generator.countTokens`. */
  async blanksEndTokens(generator: Generator, signal: AbortSignal): Promise<boolean> {
    const text = `${TRAINED_LIST}\\n1.`;
    const [without, blank] = await Promise.all([
      this.#count(text, generator, signal),
      this.#count(`${text} `, generator, signal),
    ]);
    return blank <= without;
  }

  /** Most tokens of a sample. Rejects as `Generator.countTokens`. */
  of(plan: Plan, generator: Generator, signal: AbortSignal): Promise<number> {
    return this.#once(JSON.stringify(plan), () =>
      longestSample(plan, (text) => generator.countTokens([{ text, trusted: false }], { signal })),
    );
  }

  #count(text: string, generator: Generator, signal: AbortSignal): Promise<number> {
    return this.#once(text, () => generator.countTokens([{ text, trusted: false }], { signal }));
  }

  #once(key: string, count: () => Promise<number>): Promise<number> {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const counted = count();
    this.#known.set(key, counted);
    counted.catch(() => this.#known.delete(key));
    return counted;
  }
}

/**
 * Most tokens that a prompt may have before a plan's sample. Errors: `INVALID_OPTION` where `maxTokens` is less than a chain
 * can become, `CONTEXT_OVERFLOW` where the context is.
 */
export async function roomBeside(
  { plan }: Guide,
  { generator, planLengths }: Pick<GuideParts, 'generator' | 'planLengths'>,
  maxTokens: number | undefined,
  signal: AbortSignal,
): Promise<number> {
  const longest = await planLengths.of(plan, generator, signal);
  if (maxTokens !== undefined && maxTokens < longest) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `maxTokens must be at least ${longest}, for a guided chain can become that long; got ${maxTokens}; raise it or leave it out`,
    );
  }
  const { contextTokens } = generator.info;
  if (contextTokens > longest) return contextTokens - longest;
  throw new PgenrmError(
    'CONTEXT_OVERFLOW',
    `a guided chain can take ${longest} tokens, and the context has ${contextTokens} for it and its prompt; raise the context, or fix fewer criteria`,
  );
}
