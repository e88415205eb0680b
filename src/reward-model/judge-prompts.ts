// The prompts of one judgment: for the user in every presentation order, and with a similar user in their place.
// Knows templates and what fits; nothing of chains.

import { orderSeed } from '../chain/chain-seed.js';
import {
  groupByOrder,
  type PresentationGroup,
  type PresentationOrder,
  present,
  presentationOrders,
} from '../chain/presentation.js';
import { PgenrmError } from '../errors.js';
import type { Generator } from '../generator/generator.js';
import type { User } from '../preference/preference.js';
import type { ChatTemplate } from '../prompt/chat/chat-template.js';
import { type FittedPrompt, fitPrompt } from '../prompt/fit-prompt.js';
import type { PromptTemplate } from '../prompt/template/template.js';
import type { JudgeSettings, JudgeSubject } from './judge-settings.js';

/** What prompts are made with. */
export interface PromptParts {
  readonly generator: Generator;
  readonly template: PromptTemplate;
  readonly chat: ChatTemplate;
}

/** One presentation order, the chains that have it, and their prompt. */
export interface OrderPrompt extends PresentationGroup, FittedPrompt {}

/** The prompts of a judgment. */
export class JudgePrompts {
  /** For the user, one an order, all with the same history events: no order sees more of the user than another. */
  readonly own: readonly OrderPrompt[];
  readonly #fit: Fit;
  readonly #subject: JudgeSubject;
  readonly #settings: JudgeSettings;
  readonly #neighbourOrders: readonly PresentationOrder[];

  /** Makes the user's own. Errors: `CONTEXT_OVERFLOW`, `TEMPLATE_INVALID`; rejects with the signal's reason. */
  static async of(
    parts: PromptParts,
    subject: JudgeSubject,
    settings: JudgeSettings,
    signal: AbortSignal,
  ): Promise<JudgePrompts> {
    const make = fitFor(parts, subject, settings, signal);
    const { individual, historyEvents, seed } = settings;
    const start = orderSeed(seed, subject.key);
    const groups = groupByOrder(presentationOrders(subject.item.candidates.length, individual, start));
    const fits: OrderPrompt[] = [];
    // One after another: what orders share is read once.
    for (const group of groups) {
      fits.push({ ...group, ...(await make(subject.user, group.order, historyEvents)) });
    }
    const fewest = Math.min(...fits.map(({ usedEvents }) => usedEvents));
    const own: OrderPrompt[] = [];
    for (const fitted of fits) {
      const fewer = fitted.usedEvents === fewest ? {} : await make(subject.user, fitted.order, fewest);
      own.push({ ...fitted, ...fewer });
    }
    return new JudgePrompts(own, make, subject, settings);
  }

  private constructor(own: readonly OrderPrompt[], fit: Fit, subject: JudgeSubject, settings: JudgeSettings) {
    this.own = own;
    this.#fit = fit;
    this.#subject = subject;
    this.#settings = settings;
    const { candidates } = subject.item;
    const start = orderSeed(settings.seed, subject.key);
    // One rotation on, so that one own chain and one neighbour see the candidates in different orders.
    this.#neighbourOrders = presentationOrders(candidates.length, settings.prototypes + 1, start).slice(1);
  }

  /**
   * The prompt of a neighbour: their history in place of the user's. What the user states of themselves stays, for no
   * neighbour knows better; of a user who states nothing the neighbour's own criteria are shown with their history.
   * Errors: as {@link of}.
   */
  async neighbour(user: User, index: number): Promise<FittedPrompt & { readonly order: PresentationOrder }> {
    const order = this.#neighbourOrders[index]!;
    const { historyEvents } = this.#settings;
    const { history } = user;
    const { criteria: stated = '' } = this.#subject.user;
    const make = (shown: User) => this.#fit(shown, order, historyEvents);
    if (stated.trim() !== '') return { order, ...(await make({ history, criteria: stated })) };
    try {
      return { order, ...(await make(user)) };
    } catch (error) {
      // The asking user's prompt fits, so it is the neighbour's criteria that have no room.
      if (!(error instanceof PgenrmError) || error.code !== 'CONTEXT_OVERFLOW' || !user.criteria) throw error;
      return { order, ...(await make({ history })) };
    }
  }
}

/** Fits a prompt for the item of one judgment: a user, an order, and the most events (null: all). */
type Fit = (user: User, order: PresentationOrder, maxEvents: number | null) => Promise<FittedPrompt>;

function fitFor(
  { template, chat, generator }: PromptParts,
  { item }: JudgeSubject,
  { maxPromptTokens }: JudgeSettings,
  signal: AbortSignal,
): Fit {
  return (user, order, maxEvents) =>
    fitPrompt({
      template,
      chat,
      generator,
      user,
      context: item.context,
      responses: present(order, item.candidates),
      maxPromptTokens,
      ...(maxEvents === null ? {} : { maxEvents }),
      signal,
    });
}
