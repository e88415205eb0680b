// What a row gives to a stage: judged in every presentation order, kept where the chains agree with the user's choice.
// Knows judgments and templates; not where lines go.

import { present } from '../chain/presentation.js';
import type { PreferenceRow } from '../data/preference-data.js';
import type { User } from '../preference/preference.js';
import type { ChatMessage } from '../prompt/template/template.js';
import type { JudgedChain, JudgeOptions, Judgment } from '../reward-model/judgment.js';
import type { RewardModel } from '../reward-model/reward-model.js';
import { inputOf } from '../run/rows.js';
import { chainToLearn, completeRubric } from './chain-to-learn.js';
import { forbidsCommercialUse } from './license.js';
import type { Example, LineStatus, Stage, TrainingLine } from './stages.js';

/** How rows are judged for a stage. */
export interface StageWork {
  readonly model: RewardModel;
  readonly stage: Stage;
  /** Chains a presentation order. */
  readonly tries: number;
  /** Whether rows whose own licence forbids commercial use are taken. */
  readonly allowNonCommercial: boolean;
  readonly judge: JudgeOptions;
}

/** A line without examples. */
export function lineStatus({ number, id, userId }: PreferenceRow, status: LineStatus): TrainingLine {
  return { row: number, id, ...(userId === undefined ? {} : { userId }), status };
}

/** Judges a row. Errors: those of the reward model. */
export async function judgedLine(row: PreferenceRow, work: StageWork): Promise<TrainingLine> {
  const refusal = refusalOf(row, work);
  if (refusal !== null) return lineStatus(row, refusal);
  const { candidates } = row.item;
  const judgment = await work.model.judge(inputOf(row), {
    ...work.judge,
    individual: work.tries * candidates.length,
  });
  const found = work.stage === 'curriculum' ? hardness(row, judgment, work) : agreeing(row, judgment, work);
  return typeof found === 'string' ? lineStatus(row, found) : { ...lineStatus(row, 'kept'), examples: found };
}

function refusalOf(
  { label, user, license }: PreferenceRow,
  { stage, allowNonCommercial }: StageWork,
): LineStatus | null {
  if (license !== undefined && forbidsCommercialUse(license) && !allowNonCommercial) return 'nonCommercial';
  if (label === undefined) return 'unlabelled';
  const states = (user.criteria ?? '').trim() !== '';
  const chose = user.history.length > 0;
  if (stage === 'cre') return !chose ? 'nothingKnown' : states ? null : 'noCriteria';
  return chose || states ? null : 'nothingKnown';
}

/** An example for each order in which the candidates were shown, each from its best chain. */
function agreeing(
  row: PreferenceRow,
  judgment: Judgment,
  { stage, model }: StageWork,
): Example[] | LineStatus {
  const orders = new Map<string, JudgedChain[]>();
  for (const chain of judgment.chains) {
    const key = chain.order.join();
    orders.set(key, [...(orders.get(key) ?? []), chain]);
  }
  const examples: Example[] = [];
  for (const chains of orders.values()) {
    const usable = chains.filter(({ scores }) => scores !== null);
    if (usable.length === 0) return 'lost';
    const agree = usable.filter((chain) => marginOf(chain.scores!, row.label!) > 0);
    if (agree.length === 0) return 'disagrees';
    const learnable = agree.filter(({ reading }) => completeRubric(reading) !== null);
    if (learnable.length === 0) return 'noRubric';
    const best = learnable.reduce((a, b) =>
      marginOf(b.scores!, row.label!) > marginOf(a.scores!, row.label!) ? b : a,
    );
    const base = exampleOf(row, best.order, marginOf(best.scores!, row.label!));
    if (stage === 'cre') {
      const { criteria: _, ...withheld } = row.user;
      const messages = messagesOf(model, row, withheld, judgment.usedEvents, best.order);
      examples.push({ ...base, messages, criteria: best.reading.rubric.map(({ name }) => name) });
    } else {
      const messages = messagesOf(model, row, row.user, judgment.usedEvents, best.order);
      const disagreeing = worstOf(usable, row.label!);
      examples.push({
        ...base,
        messages,
        ...chainToLearn(best),
        ...(disagreeing === null ? {} : { disagreeing: disagreeing.text.trim() }),
      });
    }
  }
  return examples;
}

/** The chain that prefers another response by the widest margin; null where none does. */
function worstOf(usable: readonly JudgedChain[], label: number): JudgedChain | null {
  const wrong = usable.filter(({ scores }) => marginOf(scores!, label) < 0);
  if (wrong.length === 0) return null;
  return wrong.reduce((a, b) => (marginOf(b.scores!, label) < marginOf(a.scores!, label) ? b : a));
}

/** The pair as the first chain saw it, with the margin of all chains. */
function hardness(row: PreferenceRow, judgment: Judgment, { model }: StageWork): Example[] | LineStatus {
  const [first] = judgment.chains;
  if (judgment.scores === null || first === undefined) return 'lost';
  const messages = messagesOf(model, row, row.user, judgment.usedEvents, first.order);
  return [{ ...exampleOf(row, first.order, marginOf(judgment.scores, row.label!)), messages }];
}

function exampleOf(row: PreferenceRow, order: readonly number[], margin: number): Omit<Example, 'messages'> {
  const license = row.license === undefined ? {} : { license: row.license };
  return { label: order.indexOf(row.label!) + 1, responses: order.length, margin, ...license };
}

function marginOf(scores: readonly number[], label: number): number {
  const margin = scores[label]! - Math.max(...scores.filter((_, index) => index !== label));
  return Math.round(margin * 1e6) / 1e6;
}

function messagesOf(
  { template }: RewardModel,
  { item }: PreferenceRow,
  user: User,
  events: number,
  order: readonly number[],
): ChatMessage[] {
  // As many events as the judgment showed: the student reads what the teacher read.
  const history = user.history.slice(user.history.length - events);
  return template.render({
    user: { ...user, history },
    context: item.context,
    responses: present(order, item.candidates),
  });
}
