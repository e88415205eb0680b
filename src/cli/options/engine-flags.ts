// The options that size the engine, for every command that loads a model.
// Knows nothing of what the command does with it.

import type { Command } from 'commander';
import type { EngineSizes } from '../../generator/native/native-generator.js';
import {
  ATTENTION_CHOICES,
  ENGINE_RANGES,
  type EngineOptions,
  FLASH_ATTENTION_CHOICES,
  KV_TYPES,
  type ThreadWish,
} from '../../options/engine-options.js';
import { LOAD_RANGES } from '../../reward-model/reward-model.js';
import { choiceOption, numberOption, numberOrWordOption } from './option-parsers.js';

/** What {@link engineFlags} read. */
export interface EngineFlags extends EngineOptions {
  readonly threads?: ThreadWish;
  readonly context?: number;
  readonly maxSequences?: number;
}

/** How the engine is sized; what is left out is chosen for the model and the machine, as `pgenrm doctor` tells. */
export function engineFlags(command: Command): Command {
  return command
    .addOption(
      numberOrWordOption(
        '--threads <n>',
        'most CPU threads, or background: half of the cores',
        LOAD_RANGES.threads,
        'background',
      ),
    )
    .addOption(
      numberOption('--context <n>', 'tokens of prompt and answer together', LOAD_RANGES.contextTokens),
    )
    .addOption(numberOption('--max-sequences <n>', 'chains that decode at once', LOAD_RANGES.maxSequences))
    .addOption(choiceOption('--kv-type <type>', 'how keys and values are stored', KV_TYPES))
    .addOption(
      choiceOption('--flash-attention <when>', 'auto: where the backend has it', FLASH_ATTENTION_CHOICES),
    )
    .addOption(
      choiceOption(
        '--attention <whose>',
        "auto: on a CPU pgenrm's kernel where it can, else llama.cpp's",
        ATTENTION_CHOICES,
      ),
    )
    .addOption(numberOption('--kv-cells <n>', 'KV cells of all chains together', ENGINE_RANGES.kvCells))
    .addOption(
      numberOption(
        '--workers <n>',
        'parts that decode at once on a CPU, sharing its threads',
        ENGINE_RANGES.workers,
      ),
    );
}

/** The flags as a model is loaded with them. */
export function engineSizes(flags: EngineFlags): EngineSizes {
  const { context, threads, maxSequences, kvType, flashAttention, attention, kvCells, workers } = flags;
  const wishes = {
    threads,
    contextTokens: context,
    maxSequences,
    kvType,
    flashAttention,
    attention,
    kvCells,
    workers,
  };
  return Object.fromEntries(Object.entries(wishes).filter(([, wish]) => wish !== undefined));
}
