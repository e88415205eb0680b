// The service over the bundled models: the same judgments as the library's, memory that is told, embeddings.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNativeBinding } from '../../src/native/load.js';
import { packageFile } from '../../src/package.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import { LocalService } from '../../src/service/local-service.js';
import { JUDGED, MODEL, plainly } from '../support/judged-items.js';

describe.skipIf(loadNativeBinding().binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1')(
  'a service over the bundled model',
  () => {
    const service = new LocalService();
    let library: RewardModel;
    beforeAll(async () => {
      library = await RewardModel.load(MODEL);
    });
    afterAll(async () => {
      await library.close();
      await service.close();
    });

    it.each(JUDGED)('judges $name to the same bytes as the library', async ({ input, options }) => {
      const own = await library.judge(input, options);
      const answer = await service.submit({ op: 'judge', model: MODEL, input, options }).answer;
      expect(plainly(answer)).toBe(plainly(own));
    });

    it('tells what the model takes, and embeds', async () => {
      const loaded = await service.submit({ op: 'load', model: MODEL, judge: { individual: 4 } }).answer;
      expect(loaded.settings.individual).toBe(4);
      expect(loaded.sha256).toMatch(/^[0-9a-f]{64}$/);
      const embedder = { model: packageFile('models', 'nano-embedder.gguf'), threads: 1 };
      const { vectors, dimension } = await service.submit({ op: 'embed', embedder, texts: ['one', 'two'] })
        .answer;
      expect(vectors.length).toBe(2 * dimension);
      const { models } = await service.submit({ op: 'health' }).answer;
      expect(models.map(({ kind, state }) => [kind, state])).toEqual([
        ['judge', 'ready'],
        ['embedder', 'ready'],
      ]);
      for (const { bytes } of models) expect(bytes).toBeGreaterThan(1e6);
    });

    it('keeps the code and message of a model that is not there', async () => {
      const model = { model: '/nowhere/none.gguf' };
      await expect(service.submit({ op: 'load', model }).answer).rejects.toMatchObject({
        code: 'MODEL_NOT_FOUND',
        message: expect.stringContaining('/nowhere/none.gguf'),
      });
    });
  },
);
