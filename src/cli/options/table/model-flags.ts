// Flags of which model is loaded, by which generator, on what.
// Plain data; what is left out is chosen for the model and the machine, as `pgenrm doctor` tells.

import { SERVER_DIALECTS, serverAddress } from '../../../generator/http/http-options.js';
import { BUNDLED_MODEL } from '../../../model-file/model-file.js';
import {
  ATTENTION_CHOICES,
  ENGINE_RANGES,
  FLASH_ATTENTION_CHOICES,
  KV_TYPES,
} from '../../../options/engine-options.js';
import { GENERATOR_CHOICES, GPU_CHOICES, LOAD_RANGES } from '../../../reward-model/reward-model.js';
import { choiceFlag, numberFlag, numberOrWordFlag, parsedFlag, textFlag } from './flag.js';

export const MODEL_FLAGS = {
  model: textFlag('--model <model>', 'nano (bundled), a path, or an hf: address', { default: BUNDLED_MODEL }),
  engineUrl: parsedFlag<string[]>(
    '--engine-url <url>',
    'judge on the inference server at this address; repeat it for several with the same model',
    (url, before = []) => [...before, serverAddress(url)],
  ),
  engineKind: choiceFlag(
    '--engine-kind <kind>',
    'what the inference servers are; default: by what they answer',
    SERVER_DIALECTS,
  ),
  template: textFlag(
    '--template <template>',
    "a template's name or file; default: the model's own, else standard",
  ),
  chatTemplate: textFlag('--chat-template <file>', "a Jinja file in place of the model's chat template"),
  generator: choiceFlag(
    '--generator <kind>',
    'force a generator; default: native where it runs',
    GENERATOR_CHOICES,
  ),
  gpu: choiceFlag('--gpu <backend>', 'where layers are computed', GPU_CHOICES, { default: 'auto' }),
  threads: numberOrWordFlag(
    '--threads <n>',
    'most CPU threads, or background: half of the cores',
    LOAD_RANGES.threads,
    'background',
  ),
  context: numberFlag('--context <n>', 'tokens of prompt and answer together', LOAD_RANGES.contextTokens),
  maxSequences: numberFlag('--max-sequences <n>', 'chains that decode at once', LOAD_RANGES.maxSequences),
  kvType: choiceFlag('--kv-type <type>', 'how keys and values are stored', KV_TYPES),
  flashAttention: choiceFlag(
    '--flash-attention <when>',
    'auto: where the backend has it',
    FLASH_ATTENTION_CHOICES,
  ),
  attention: choiceFlag(
    '--attention <whose>',
    "auto: on a CPU pgenrm's kernel where it can, else llama.cpp's",
    ATTENTION_CHOICES,
  ),
  kvCells: numberFlag('--kv-cells <n>', 'KV cells of all chains together', ENGINE_RANGES.kvCells),
  workers: numberFlag(
    '--workers <n>',
    'parts that decode at once on a CPU, sharing its threads',
    ENGINE_RANGES.workers,
  ),
} as const;
