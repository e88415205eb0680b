// What the lines of a chains file hold, as plain data. How they are checked is `chains-record.ts`.

import type { FlashAttention, KvType } from '../../options/engine-options.js';
import type { NoDonor } from '../controls/donors.js';

/** Everything that the chains depend on. Rows of two runs may be read together only where all of it is equal. */
export interface ChainsIdentity {
  readonly data: {
    /** SHA-256 of the file's bytes. */
    readonly fingerprint: string;
    readonly format: string;
    readonly split: string | null;
    /** SHA-256 of the users file's bytes. */
    readonly users: string | null;
    /** Splits that are history, with commas between them, where they were asked for by name. */
    readonly historySplits: string | null;
    /** The group of users whose rows are taken; null for all. */
    readonly group: string | null;
  };
  readonly model: { readonly sha256: string | null };
  readonly template: { readonly name: string; readonly hash: string };
  /** The prototype bank; all null without one. */
  readonly bank: {
    readonly checksum: string | null;
    readonly additions: number | null;
    readonly overlap: string | null;
  };
  readonly generator: {
    readonly kind: string;
    readonly engine: string;
    readonly version: string;
    readonly contextTokens: number;
  };
  readonly sampling: {
    /** Chains a row: the largest level that can be derived. */
    readonly individual: number;
    readonly prototype: number;
    /** Chains a row of the same model without history and criteria. */
    readonly noHistory: number;
    /** Other users whose signals each row was judged with, and the pool that they were drawn from; absent without. */
    readonly swapped?: { readonly donors: number; readonly pool: string } | undefined;
    /** Chains as users of the bank who were drawn at random, beside those as similar ones; absent without. */
    readonly random?: number | undefined;
    readonly seed: number;
    readonly temperature: number;
    readonly topP: number;
    readonly minP: number;
    readonly maxTokens: number;
    readonly historyEvents: number | null;
    /** Which events were shown; absent: the newest, whatever their length. `embedder`: SHA-256 of its file. */
    readonly shown?:
      | { readonly budget: number | null; readonly by: string; readonly embedder: string | null }
      | undefined;
    readonly grammar: string;
    /** How chains were guided by a plan; absent where they are free. */
    readonly guided?: string | undefined;
    readonly prefer: string;
    /** How neighbours are sought; null without a prototype level. */
    readonly retrieveBy: string | null;
  };
}

/** How the generator kept keys and values: of the machine, not of the run, for chains depend on it by rounding alone. */
export interface StoredKvCache {
  readonly type: KvType;
  readonly flashAttention: FlashAttention;
  readonly attention?: 'pgenrm' | 'llama.cpp' | undefined;
  /** Of all sequences together. */
  readonly cells: number;
}

/** The first line of a chains file. */
export interface ChainsHeader {
  /** Version of the file. */
  readonly pgenrmChains: 2;
  readonly pgenrm: string;
  readonly created: string;
  /** Names the run: every row repeats it. */
  readonly run: string;
  readonly protocol: string;
  readonly model: string;
  /** Rows that the evaluation is asked for. A run may be asked for more later: the last header of the file counts. */
  readonly rows: number;
  readonly identity: ChainsIdentity;
  /** Null where the generator does not choose it; absent from files of earlier versions. */
  readonly kvCache?: StoredKvCache | null | undefined;
  /** Users in the users file, and those of them who occur in the data; null without one. */
  readonly usersFile?: { readonly users: number; readonly inData: number } | null | undefined;
  /** Users of the bank who are evaluated too: how many, and some of their ids. */
  readonly overlap: { readonly users: number; readonly examples: readonly string[] } | null;
}

/** One chain. */
export interface StoredChain {
  readonly level: 'individual' | 'prototype';
  readonly index: number;
  readonly seed: number;
  readonly order: readonly number[];
  /** In the order of the candidates given; null where the chain is lost. */
  readonly scores: readonly number[] | null;
  readonly lost: string | null;
  readonly finish: string;
  readonly tokens: number;
  readonly neighbour?: { readonly userId: string; readonly similarity: number } | undefined;
  readonly text?: string | undefined;
  /**
   * Of scores that are read from the model's distribution: each criterion with its weight, and for each candidate, in
   * the order given, the probabilities of the scores from 1 on.
   */
  readonly criteria?:
    | readonly {
        readonly name: string;
        readonly weight: number;
        readonly distributions: readonly (readonly number[])[];
      }[]
    | undefined;
}

/** The chains of a row under one other user's signals. */
export interface SwappedChains {
  readonly donor: string;
  /** Events that were shown in this arm. */
  readonly events: number;
  /** Whether the user's own history was cut, because this donor has fewer events. */
  readonly cut: boolean;
  readonly chains: readonly StoredChain[];
}

/** One row of the data with all of its chains. */
export interface ChainsRow {
  readonly row: number;
  readonly run: string;
  readonly id?: string | undefined;
  readonly user?: string | undefined;
  readonly split?: string | undefined;
  readonly subset?: string | undefined;
  readonly status: 'judged' | 'failed' | 'invalid';
  readonly label?: number | undefined;
  /** Characters of each candidate, in the order given. */
  readonly lengths: readonly number[];
  /** History events that are known of the user, those shown, and those left out for want of context. */
  readonly history: number;
  readonly usedEvents: number;
  readonly droppedEvents: number;
  /** Whether the user's criteria are stated. */
  readonly criteria: boolean;
  /** `seen` or `unseen`, where it can be told. */
  readonly group?: string | undefined;
  /** How similar users were sought, where they were: by what, and the own chain or the earlier row that was used. */
  readonly retrieval?:
    | {
        readonly by: string | null;
        readonly status: string;
        readonly chain: number | null;
        readonly from?: string | undefined;
        readonly ownChainsLost: boolean;
      }
    | undefined;
  /** What later rows of the user are sought by, where the run keeps it. */
  readonly analysis?: { readonly of: string; readonly text?: string | undefined } | undefined;
  readonly chains: readonly StoredChain[];
  readonly noHistory?: readonly StoredChain[] | undefined;
  /** Chains with another user's signals in place of the own ones. */
  readonly swapped?: readonly SwappedChains[] | undefined;
  /** Chains as users of the bank who were drawn at random. */
  readonly random?: readonly StoredChain[] | undefined;
  /** Why no other user could be drawn. */
  readonly noDonor?: NoDonor | undefined;
  readonly tokens: { readonly prompt: number; readonly decodedPrompt: number; readonly generated: number };
  readonly ms: number;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
  readonly reason?: string | undefined;
}
