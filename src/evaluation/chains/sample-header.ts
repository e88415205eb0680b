// The header of a chains file that is being sampled: what its chains depend on.
// Knows the options of sampling; samples nothing.

import { nativeDetails } from '../../generator/native/native-info.js';
import { guidedName } from '../../guided/decoding.js';
import { PACKAGE_VERSION } from '../../package.js';
import { historySplitsOf, sharedIdentity, usersFileOf } from '../../run/identity.js';
import type { ScalingLevel } from '../../scaling/level.js';
import type { DonorPool } from '../controls/donors.js';
import { CHAINS_FORMAT, type ChainsHeader, type ChainsIdentity, runName } from './chains-record.js';
import type { SampleOptions } from './sample-options.js';

/** The header of a run over so many rows. Errors: `INVALID_OPTION` of how rows are judged. */
export function headerOf(
  options: SampleOptions,
  largest: ScalingLevel,
  rows: number,
  pool: DonorPool | null,
): ChainsHeader {
  const { data, model, bank, protocol } = options;
  const identity = identityOf(options, largest, pool);
  return {
    pgenrmChains: CHAINS_FORMAT,
    pgenrm: PACKAGE_VERSION,
    created: new Date().toISOString(),
    run: runName(identity),
    protocol: protocol.name,
    model: model.modelInfo.description,
    rows,
    identity,
    kvCache: nativeDetails(model.generatorInfo)?.kvCache ?? null,
    usersFile: usersFileOf(data),
    overlap: bank === undefined ? null : { users: bank.shared.size, examples: [...bank.shared].slice(0, 5) },
  };
}

/** Nothing where the newest events are shown whatever their length. */
function shownIdentity({ shown }: SampleOptions): Pick<ChainsIdentity['sampling'], 'shown'> {
  if (shown === undefined || (shown.budget === undefined && shown.by === 'newest')) return {};
  const { budget = null, by, embedder } = shown;
  return { shown: { budget, by, embedder: embedder?.sha256 ?? null } };
}

function identityOf(options: SampleOptions, largest: ScalingLevel, pool: DonorPool | null): ChainsIdentity {
  const { data, split, model, bank, judge = {}, controls = [], donors = 1 } = options;
  const settings = model.settings({ ...judge, individual: largest.individual });
  const { sampling, seed, maxTokens, historyEvents, grammar, guided, prefer } = settings;
  const shared = sharedIdentity(data, split, model);
  return {
    ...shared,
    data: {
      ...shared.data,
      historySplits: historySplitsOf(data),
      group: data.selection?.group ?? null,
    },
    bank: {
      checksum: bank?.checksum ?? null,
      additions: bank?.additions ?? null,
      overlap: bank?.overlap ?? null,
    },
    sampling: {
      individual: largest.individual,
      prototype: largest.prototype,
      noHistory: controls.includes('none') ? largest.individual : 0,
      ...(pool === null ? {} : { swapped: { donors, pool: pool.fingerprint } }),
      ...(controls.includes('random') ? { random: largest.prototype } : {}),
      seed,
      temperature: sampling.temperature,
      topP: sampling.topP,
      minP: sampling.minP,
      maxTokens,
      historyEvents,
      ...shownIdentity(options),
      grammar,
      ...(guided === null ? {} : { guided: guidedName(guided) }),
      prefer,
      retrieveBy: largest.prototype === 0 ? null : (judge.retrieveBy ?? 'chain'),
    },
  };
}
