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
import type { ChatTemplate } from '../prompt/chat-template.js';
import { type FittedPrompt, fitPrompt } from '../prompt/fit-prompt.js';
import type { PromptTemplate } from '../prompt/template.js';
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
  readonly #parts: PromptParts;
  readonly #subject: JudgeSubject;
  readonly #settings: JudgeSettings;
  readonly #neighbourOrders: readonly PresentationOrder[];

  /** Errors: `CONTEXT_OVERFLOW`, `TEMPLATE_INVALID`. */
  constructor(parts: PromptParts, subject: JudgeSubject, settings: JudgeSettings) {
    this.#parts = parts;
    this.#subject = subject;
    this.#settings = settings;
    const { candidates } = subject.item;
    const start = orderSeed(settings.seed, subject.key);
    const groups = groupByOrder(presentationOrders(candidates.length, settings.individual, start));
    const fits = groups.map(({ order }) => this.#fit(subject.user, order, settings.historyEvents));
    const fewest = Math.min(...fits.map(({ usedEvents }) => usedEvents));
    this.own = groups.map((group, index) => {
      const fit = fits[index]!;
      return {
        ...group,
        ...(fit.usedEvents === fewest ? fit : this.#fit(subject.user, group.order, fewest)),
      };
    });
    // One rotation on, so that one own chain and one neighbour see the candidates in different orders.
    this.#neighbourOrders = presentationOrders(candidates.length, settings.prototypes + 1, start).slice(1);
  }

  /**
   * The prompt of a neighbour: their history in place of the user's. What the user states of themselves stays, for no
   * neighbour knows better; of a user who states nothing the neighbour's own criteria are shown with their history.
   * Errors: as the constructor.
   */
  neighbour(user: User, index: number): FittedPrompt & { readonly order: PresentationOrder } {
    const order = this.#neighbourOrders[index]!;
    const { historyEvents } = this.#settings;
    const { history } = user;
    const { criteria: stated = '' } = this.#subject.user;
    if (stated.trim() !== '')
      return { order, ...this.#fit({ history, criteria: stated }, order, historyEvents) };
    try {
      return { order, ...this.#fit(user, order, historyEvents) };
    } catch (error) {
      // The asking user's prompt fits, so it is the neighbour's criteria that have no room.
      if (!(error instanceof PgenrmError) || error.code !== 'CONTEXT_OVERFLOW' || !user.criteria) throw error;
      return { order, ...this.#fit({ history }, order, historyEvents) };
    }
  }

  #fit(user: User, order: PresentationOrder, maxEvents: number | null): FittedPrompt {
    const { template, chat, generator } = this.#parts;
    const { item } = this.#subject;
    return fitPrompt({
      template,
      chat,
      tokenizer: generator.tokenizer,
      user,
      context: item.context,
      responses: present(order, item.candidates),
      maxPromptTokens: this.#settings.maxPromptTokens,
      ...(maxEvents === null ? {} : { maxEvents }),
    });
  }
}
