// The file that a trainer reads: JSON Lines for TRL and OpenRLHF, parquet for verl; it appears whole or not at all.
// Knows the columns of trainers; nothing of how examples were made.

import type { parquetWriteBuffer } from 'hyparquet-writer';
import { PgenrmError } from '../errors.js';
import { writeAtomically } from '../output/atomic-file.js';
import { printableJson } from '../output/printable.js';
import type { Example, Stage } from './stages.js';

/** Trainers that a file can be written for. */
export const TRAINER_FORMATS = ['trl', 'trl-messages', 'trl-preference', 'verl', 'openrlhf'] as const;

/** One of {@link TRAINER_FORMATS}. */
export type TrainerFormat = (typeof TRAINER_FORMATS)[number];

/** Errors: `INVALID_OPTION` for a format that the stage has no examples for. */
export function checkStage(stage: Stage, format: TrainerFormat): void {
  if (stage === 'psi' || (format !== 'trl-messages' && format !== 'trl-preference')) return;
  throw new PgenrmError(
    'INVALID_OPTION',
    `format ${format} is for stage psi, whose examples hold chains; stage ${stage} gives prompts: take trl`,
  );
}

/** An example with the row that it is of. */
export type RowExample = Example & { readonly id: string; readonly userId?: string };

/** What to write where. */
export interface TrainerFile {
  readonly out: string;
  readonly stage: Stage;
  readonly format: TrainerFormat;
  /** Of examples that name none of their own. */
  readonly license: string;
  /** Name of the data's shape. */
  readonly source: string;
  readonly examples: () => AsyncIterable<RowExample>;
}

/** Errors: `OUTPUT_FAILED`, an older file kept. */
export async function writeTrainerFile(file: TrainerFile): Promise<void> {
  await writeAtomically(file.out, async (handle) => {
    if (file.format === 'verl') await handle.writeFile(await parquetOf(file));
    else
      for await (const example of inOrder(file))
        await handle.writeFile(`${printableJson(recordOf(file, example))}\n`);
  });
}

/** As the rows stand; the curriculum from the widest margin to the worst misjudgment, so that hard pairs grow more with each step. */
async function* inOrder({ stage, examples }: TrainerFile): AsyncGenerator<RowExample> {
  if (stage !== 'curriculum') return yield* examples();
  const all: RowExample[] = [];
  for await (const example of examples()) all.push(example);
  yield* all.sort((a, b) => b.margin - a.margin);
}

/** What `pgenrm_rewards` reads, as JSON. */
function answerKey({ label, responses, criteria }: RowExample, stage: Stage): string {
  return JSON.stringify({ stage, label, responses, ...(criteria === undefined ? {} : { criteria }) });
}

function recordOf({ stage, format, license, source }: TrainerFile, example: RowExample): object {
  const { messages, completion, disagreeing, id, userId, margin } = example;
  const about = {
    id,
    ...(userId === undefined ? {} : { user_id: userId }),
    source,
    license: example.license ?? license,
    margin,
  };
  if (completion !== undefined) {
    const answer = [{ role: 'assistant', content: completion }];
    if (format === 'trl-messages') return { messages: [...messages, ...answer], ...about };
    if (format === 'trl-preference') {
      const rejected = [{ role: 'assistant', content: disagreeing! }];
      return { prompt: messages, chosen: answer, rejected, ...about };
    }
    return format === 'trl'
      ? { prompt: messages, completion: answer, ...about }
      : { input: messages, output: answer, ...about };
  }
  const key = answerKey(example, stage);
  return format === 'trl'
    ? { prompt: messages, answer_key: key, ...about }
    : { input: messages, label: key, ...about };
}

type Element = NonNullable<Parameters<typeof parquetWriteBuffer>[0]['schema']>[number];

const text = (name: string): Element => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: 'REQUIRED',
});
const group = (name: string, children: number): Element => ({
  name,
  num_children: children,
  repetition_type: 'REQUIRED',
});
const turns = (name: string): Element[] => [
  { ...group(name, 1), converted_type: 'LIST' },
  { ...group('list', 1), repetition_type: 'REPEATED' },
  group('element', 2),
  text('role'),
  text('content'),
];
const ABOUT: Element[] = [
  group('extra_info', 4),
  text('id'),
  text('user_id'),
  text('license'),
  { name: 'margin', type: 'DOUBLE', repetition_type: 'REQUIRED' },
];

/** The columns that verl's trainers read: `messages` for imitation, else `prompt` with `reward_model.ground_truth`. */
async function parquetOf(file: TrainerFile): Promise<Uint8Array> {
  const { stage, license, source } = file;
  const examples: RowExample[] = [];
  for await (const example of inOrder(file)) examples.push(example);
  const extra_info = examples.map((example) => ({
    id: example.id,
    user_id: example.userId ?? '',
    license: example.license ?? license,
    margin: example.margin,
  }));
  const columns =
    stage === 'psi'
      ? {
          messages: examples.map(({ messages, completion }) => [
            ...messages,
            { role: 'assistant', content: completion! },
          ]),
          extra_info,
        }
      : {
          data_source: examples.map(() => `pgenrm/${stage}/${source}`),
          prompt: examples.map(({ messages }) => messages),
          ability: examples.map(() => 'judge'),
          reward_model: examples.map((example) => ({
            style: 'rule',
            ground_truth: answerKey(example, stage),
          })),
          extra_info,
        };
  const reward = [group('reward_model', 2), text('style'), text('ground_truth')];
  const schema =
    stage === 'psi'
      ? [group('root', 2), ...turns('messages'), ...ABOUT]
      : [group('root', 5), text('data_source'), ...turns('prompt'), text('ability'), ...reward, ...ABOUT];
  // Loaded here alone: every command would load it at its start.
  const { parquetWriteBuffer } = await import('hyparquet-writer');
  const columnData = Object.entries(columns).map(([name, data]) => ({ name, data: data as unknown[] }));
  return new Uint8Array(parquetWriteBuffer({ columnData, schema }));
}
