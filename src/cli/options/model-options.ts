// The options that say which model is loaded and how it runs, for every command that judges.
// Knows nothing of what the command does with it.

import type { Command } from 'commander';
import { BUNDLED_MODEL } from '../../model-file/model-file.js';
import { JUDGE_RANGES } from '../../options/option-range.js';
import type { InputPaths } from '../../output/same-file.js';
import { packageFile } from '../../package.js';
import { GPU_CHOICES, type LoadOptions } from '../../reward-model/reward-model.js';
import { DEFAULT_REORDER } from '../../run/judge-rows.js';
import { type EngineFlags, engineFlags, engineSizes } from './engine-flags.js';
import { choiceOption, numberOption } from './option-parsers.js';

/** Options of the command line that {@link loadOptions} reads. */
export interface ModelOptions extends EngineFlags {
  readonly model: string;
  readonly gpu: NonNullable<LoadOptions['gpu']>;
  readonly bank?: string;
  readonly embedder?: string;
  readonly template?: string;
  readonly chatTemplate?: string;
  readonly generator?: 'native' | 'portable';
}

/** Help of `--chat-template`. */
export const CHAT_TEMPLATE_HELP = "a Jinja file in place of the model's chat template";

/** Files that a model is loaded from, as far as they are named. */
export function modelInputs(
  options: Pick<ModelOptions, 'model' | 'bank' | 'embedder' | 'template' | 'chatTemplate'>,
): InputPaths {
  const { model, bank, embedder, template, chatTemplate } = options;
  return {
    ...(model === BUNDLED_MODEL ? { 'bundled model': packageFile('models', `${model}.gguf`) } : { model }),
    bank,
    embedder,
    template,
    'chat template': chatTemplate,
  };
}

/** How the model is loaded. */
export function loadOptions(options: ModelOptions): LoadOptions {
  return {
    model: options.model,
    gpu: options.gpu,
    ...(options.bank === undefined ? {} : { bank: options.bank }),
    ...(options.embedder === undefined ? {} : { embedder: options.embedder }),
    ...(options.template === undefined ? {} : { template: options.template }),
    ...(options.chatTemplate === undefined ? {} : { chatTemplate: options.chatTemplate }),
    ...(options.generator === undefined ? {} : { generator: options.generator }),
    ...engineSizes(options),
  };
}

/** Where the model runs and in what order, for the commands that judge whole data sets. */
export function runFlags(command: Command): Command {
  command.addOption(
    choiceOption('--gpu <backend>', 'where layers are computed', GPU_CHOICES).default('auto'),
  );
  return engineFlags(command)
    .addOption(numberOption('--concurrency <n>', 'rows in flight', JUDGE_RANGES.concurrency))
    .addOption(
      numberOption(
        '--reorder <rows>',
        'rows among which those of one user are judged together, so that shared text is decoded once; 1: as they stand',
        JUDGE_RANGES.reorder,
      ).default(DEFAULT_REORDER),
    );
}
