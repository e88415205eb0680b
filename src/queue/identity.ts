// What a worker judges with, by hash, and why it may not judge for a run that was begun with something else.
// Knows loaded models; nothing of queues.

import { PACKAGE_VERSION } from '../package.js';
import type { RewardModel } from '../reward-model/reward-model.js';
import { identityDifferences, modelIdentity } from '../run/identity.js';
import type { QueueIdentity, QueueJob, WorkerDescription } from './contract.js';
import { QUEUE_VERSION } from './contract.js';

/** The identity of judgments by this model; `withBank`: chains as similar users are asked for. */
export function queueIdentity(model: RewardModel, withBank: boolean): QueueIdentity {
  const { bank } = model;
  return {
    pgenrm: { version: PACKAGE_VERSION },
    ...modelIdentity(model),
    ...(withBank && bank !== null
      ? { bank: { checksum: bank.manifest.checksum, additions: bank.additions } }
      : {}),
  };
}

/** What a run has to know of the model. */
export function describeWorker(model: RewardModel, withBank: boolean): WorkerDescription {
  const { metadata: _, chatTemplate: __, ...info } = model.modelInfo;
  const { bank } = model;
  return {
    identity: queueIdentity(model, withBank),
    model: info,
    generator: model.generatorInfo,
    bank:
      bank === null ? null : { path: bank.path, checksum: bank.manifest.checksum, additions: bank.additions },
    defaults: {
      usualMaxTokens: model.settings().maxTokens,
      hasBank: bank !== null,
      decoding: model.decoding,
    },
  };
}

/** Why this model may not do a job; null where it may. */
export function refusalOf(job: QueueJob, model: RewardModel): string | null {
  if (job.version !== QUEUE_VERSION)
    return `the job is of version ${job.version} of the queue, and this worker knows version ${QUEUE_VERSION}; run the same pgenrm on all machines`;
  const withBank = job.op === 'describe' ? job.withBank : job.identity.bank !== undefined;
  if (withBank && model.bank === null)
    return 'the run asks for chains as similar users, and this worker has no bank; name it with --bank BANK';
  if (job.op === 'describe') return null;
  const differences = identityDifferences(job.identity, queueIdentity(model, withBank));
  if (differences.length === 0) return null;
  return `this worker differs from what the run was begun with: ${differences.join('; ')}; start it with the same model, template, bank and --context`;
}
