// A service over generators without a model, whose loading a test can hold up and look at.

import { RewardModel } from '../../src/reward-model/reward-model.js';
import { LocalService, type ServiceLimits } from '../../src/service/local-service.js';
import type { ModelSources } from '../../src/service/model-sources.js';
import { FakeGenerator, type FakeOptions } from './fake-generator.js';

/** Bytes that each fake model takes. */
export const FAKE_BYTES = 100;

/** What a test looks at. */
export interface FakeService {
  readonly service: LocalService;
  readonly generators: FakeGenerator[];
  /** Names of models, as they were loaded. */
  readonly loads: string[];
}

/** `loading`: what a load waits for. */
export function fakeService(
  limits: ServiceLimits = {},
  fake: FakeOptions = {},
  loading: (signal: AbortSignal) => Promise<void> = async () => undefined,
): FakeService {
  const generators: FakeGenerator[] = [];
  const loads: string[] = [];
  const sources: ModelSources = {
    judge: ({ model = 'nano', ...rest }) => ({
      key: JSON.stringify([model, rest]),
      name: model,
      kind: 'judge',
      needs: async () => FAKE_BYTES,
      load: async (signal, tell) => {
        tell({ type: 'progress', progress: { phase: 'load', done: 0.5, total: 1 } });
        await loading(signal);
        signal.throwIfAborted();
        loads.push(model);
        const generator = new FakeGenerator(fake);
        generators.push(generator);
        const value = await RewardModel.over(generator);
        return { value, bytes: FAKE_BYTES, close: () => value.close() };
      },
    }),
    embedder: () => {
      throw new Error('no embedder here');
    },
  };
  return { service: new LocalService(limits, sources), generators, loads };
}
