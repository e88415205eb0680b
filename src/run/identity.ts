// What makes two runs the same: the data, the model, the template and the engine, and how two runs differ.
// Knows opened data and reward models; not what else a run's lines depend on.

import type { PreferenceData } from '../data/preference-data.js';
import type { RunModel } from './run-model.js';

/** What the lines of every run depend on. */
export interface SharedIdentity {
  readonly data: {
    /** SHA-256 of the file's bytes. */
    readonly fingerprint: string;
    readonly format: string;
    readonly split: string | null;
    /** SHA-256 of the users file's bytes. */
    readonly users: string | null;
  };
  /** `served`: what inference servers call it, where they judge. */
  readonly model: { readonly sha256: string | null; readonly served?: string };
  readonly template: { readonly name: string; readonly hash: string };
  readonly generator: {
    readonly kind: string;
    readonly engine: string;
    readonly version: string;
    readonly contextTokens: number;
  };
}

/** The identity of a run over this data by this model; `split` is the one that the data was opened with. */
export function sharedIdentity(
  data: PreferenceData,
  split: string | undefined,
  model: RunModel,
): SharedIdentity {
  return {
    data: {
      fingerprint: data.fingerprint,
      format: data.format,
      split: split ?? null,
      users: data.users?.fingerprint ?? null,
    },
    ...modelIdentity(model),
  };
}

/** What of it a model says. */
export function modelIdentity({
  modelSha256,
  modelInfo,
  template,
  generatorInfo,
}: RunModel): Omit<SharedIdentity, 'data'> {
  const { kind, engine, version, contextTokens } = generatorInfo;
  return {
    model: { sha256: modelSha256, ...(kind === 'http' ? { served: modelInfo.name } : {}) },
    template: { name: template.name, hash: template.hash },
    generator: { kind, engine, version, contextTokens },
  };
}

/** The splits that are history, with commas between them, where they were asked for by name; else null. */
export function historySplitsOf({ signals }: PreferenceData): string | null {
  return signals.historyAsked ? signals.historySplits.join(',') : null;
}

/** Users of the users file and those of them who occur in the data; null without one. */
export function usersFileOf({ users }: PreferenceData): { users: number; inData: number } | null {
  return users === undefined ? null : { users: users.userCount, inData: users.usersInData };
}

/**
 * Differences between two identities in words, such as `model sha256 was a, is b`; empty where they are equal. The fields
 * of the group `options` are named without it.
 */
export function identityDifferences(before: object, now: object): string[] {
  const left = flatten(before);
  const right = flatten(now);
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((name) => left.get(name) !== right.get(name))
    .map((name) => `${name} was ${left.get(name) ?? 'absent'}, is ${right.get(name) ?? 'absent'}`);
}

function flatten(identity: object): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [group, fields] of Object.entries(identity) as [string, Record<string, unknown>][]) {
    for (const [name, value] of Object.entries(fields))
      flat.set(group === 'options' ? name : `${group} ${name}`, String(value ?? 'none'));
  }
  return flat;
}
