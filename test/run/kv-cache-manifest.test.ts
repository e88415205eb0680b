import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openPreferenceData } from '../../src/data/preference-data.js';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import type { RunManifest } from '../../src/run/scoring/run-manifest.js';
import { openRunOutput } from '../../src/run/scoring/run-output.js';
import { runScoring } from '../../src/run/scoring/scoring-run.js';
import { temporaryFolder, writeGoodRows } from '../support/preference-file.js';
import { randomModel } from '../support/random-model.js';

const MISSING = loadNativeBinding().binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1';

it.skipIf(MISSING)('the manifest of a run states how keys and values are kept', async () => {
  const folder = await temporaryFolder();
  const out = join(folder, 'scores.jsonl');
  const data = await openPreferenceData(await writeGoodRows(join(folder, 'data.jsonl'), 1));
  const kvCache = { type: 'q8_0', flashAttention: 'on', attention: 'llama.cpp' } as const;
  const generator = await loadNativeGenerator({
    modelPath: await randomModel({ width: 128 }),
    gpu: 'off',
    threads: 1,
    maxSequences: 2,
    engine: { kvType: kvCache.type, flashAttention: kvCache.flashAttention },
  });
  await using model = await RewardModel.over(generator);
  await using output = await openRunOutput(out, 'new');
  await runScoring({ data, model, output, judge: { maxTokens: 8 } });
  const manifest = JSON.parse(await readFile(`${out}.manifest.json`, 'utf8')) as RunManifest;
  const { cells } = generator.info.details.kvCache;
  expect(cells).toBeGreaterThan(0);
  expect(manifest.sessions[0]!.generator.details.kvCache).toEqual({ ...kvCache, cells });
});
