// Texts of a choice as a tree of tokens, what must be read at its nodes, and the texts' probabilities.
// Knows tokens and logits; nothing of sequences.

/** Logits after a node, divided by the temperature where that is above 0. */
export interface NodeReading {
  /** Of the node's children, by token; absent ones are ruled out. */
  readonly logits: ReadonlyMap<number, number>;
  /** log of the sum of exp over the whole vocabulary; at temperature 0 the greatest logit. Needed below the root. */
  readonly logSum: number;
}

interface Node {
  readonly token: number;
  readonly parent: number;
  readonly children: number[];
  wants: boolean;
  logWeight: number;
}

/** A way from below the root to a node that is wanted. */
export interface TriePath {
  readonly tokens: readonly number[];
  /** One a token. */
  readonly nodes: readonly number[];
}

/** The tree of at least two texts, none of which begins another. */
export class ChoiceTrie {
  readonly paths: readonly TriePath[];
  readonly #nodes: Node[] = [{ token: -1, parent: -1, children: [], wants: false, logWeight: 0 }];
  readonly #leaves: number[];

  constructor(
    readonly texts: readonly (readonly number[])[],
    readonly weighing: 'whole' | 'branches',
    readonly temperature: number,
  ) {
    this.#leaves = texts.map((tokens) => tokens.reduce((at, token) => this.#below(at, token), 0));
    for (const node of this.#nodes) node.wants = node.children.length >= (weighing === 'whole' ? 1 : 2);
    this.paths = this.#cover();
  }

  get complete(): boolean {
    return this.#nodes.every(({ wants }) => !wants);
  }

  /** Whether the logits after a node are wanted; the root is 0. */
  wants(node: number): boolean {
    return this.#nodes[node]!.wants;
  }

  /** Tokens that follow on a node. */
  children(node: number): number[] {
    return this.#nodes[node]!.children.map((child) => this.#nodes[child]!.token);
  }

  /** Takes what was read at a node; false where it is not finite. */
  read(node: number, { logits, logSum }: NodeReading): boolean {
    const from = this.#nodes[node]!;
    const children = from.children.map((child) => this.#nodes[child]!);
    const own = children.map(({ token }) => logits.get(token) ?? Number.NEGATIVE_INFINITY);
    if (own.some((logit) => Number.isNaN(logit) || logit === Number.POSITIVE_INFINITY)) return false;
    let base = 0;
    if (this.weighing === 'branches') {
      const best = Math.max(...own);
      const rest = own.reduce((sum, logit) => sum + Math.exp(logit - best), 0);
      if (Number.isFinite(best)) base = best + (this.temperature > 0 ? Math.log(rest) : 0);
    } else if (node > 0) {
      if (!Number.isFinite(logSum)) return false;
      base = logSum;
    }
    for (const [index, child] of children.entries()) child.logWeight = own[index]! - base;
    from.wants = false;
    return true;
  }

  /** Probabilities of the texts; null where every text is ruled out. */
  probabilities(): number[] | null {
    const weights = this.#leaves.map((leaf) => {
      let weight = 0;
      for (let at = leaf; at > 0; at = this.#nodes[at]!.parent) weight += this.#nodes[at]!.logWeight;
      return weight;
    });
    const best = Math.max(...weights);
    if (!(best > Number.NEGATIVE_INFINITY)) return null;
    const shares = weights.map((weight) =>
      this.temperature > 0 ? Math.exp(weight - best) : weight === best ? 1 : 0,
    );
    const sum = shares.reduce((a, b) => a + b, 0);
    return shares.map((share) => share / sum);
  }

  #below(at: number, token: number): number {
    const { children } = this.#nodes[at]!;
    const found = children.find((child) => this.#nodes[child]!.token === token);
    if (found !== undefined) return found;
    const next = this.#nodes.push({ token, parent: at, children: [], wants: false, logWeight: 0 }) - 1;
    children.push(next);
    return next;
  }

  // A wanted node below which nothing is wanted ends a path; nodes come after their parents.
  #cover(): TriePath[] {
    const covered = new Set<number>();
    const paths: TriePath[] = [];
    for (let node = this.#nodes.length - 1; node > 0; node--) {
      if (!this.wants(node) || covered.has(node)) continue;
      const nodes: number[] = [];
      for (let at = node; at > 0; at = this.#nodes[at]!.parent) {
        nodes.unshift(at);
        covered.add(at);
      }
      paths.unshift({ nodes, tokens: nodes.map((at) => this.#nodes[at]!.token) });
    }
    return paths;
  }
}

/** The text that a choice takes: the first of the most probable ones, or by `uniform` in [0, 1). */
export function choose(probabilities: readonly number[], greedy: boolean, uniform: number): number {
  const best = probabilities.indexOf(Math.max(...probabilities));
  if (greedy) return best;
  let left = uniform;
  let last = best;
  for (const [index, p] of probabilities.entries()) {
    if (p <= 0) continue;
    last = index;
    left -= p;
    if (left < 0) break;
  }
  return last;
}

const MASK = (1n << 64n) - 1n;

function mix(value: bigint): bigint {
  let x = (value + 0x9e3779b97f4a7c15n) & MASK;
  x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return x ^ (x >> 31n);
}

/** Uniform in [0, 1) as a function of a seed and an index: the numbers of the native engine. */
export function uniformAt(seed: number, index: number): number {
  const bits = mix(
    mix((BigInt(seed) + 0x5851f42d4c957f2dn) & MASK) ^ ((BigInt(index) * 0xd1342543de82ef95n) & MASK),
  );
  return Number(bits >> 11n) * 2 ** -53;
}
