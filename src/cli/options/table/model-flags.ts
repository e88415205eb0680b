// Flags of which model is loaded, by which generator, on what.
// Plain data; what is left out is chosen for the model and the machine, as `pgenrm doctor` tells.

import { SERVER_DIALECTS, serverAddress } from '../../../generator/http/http-options.js';
import { BUNDLED_MODEL } from '../../../model-file/model-file.js';
import type { EngineOptions } from '../../../options/engine-options.js';
import { GENERATOR_CHOICES, GPU_CHOICES, LOAD_RANGES } from '../../../reward-model/reward-model.js';
import { engineHelp, keyOf, parseEngineSetting } from '../engine-setting.js';
import { choiceFlag, numberFlag, numberOrWordFlag, parsedFlag, textFlag } from './flag.js';

/** Settings that had a flag each. */
const FLAGS_OF_OLD: Readonly<Record<`--${string}`, `--${string}`>> = Object.fromEntries(
  (
    [
      'kvType',
      'flashAttention',
      'attention',
      'kvCells',
      'workers',
    ] as const satisfies readonly (keyof EngineOptions)[]
  )
    .map(keyOf)
    .map((key) => [`--${key}`, `--engine ${key}=VALUE`]),
);

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
  engine: parsedFlag('--engine <key=value>', engineHelp(), parseEngineSetting, { was: FLAGS_OF_OLD }),
} as const;
