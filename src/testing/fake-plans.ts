// Follows a plan without a model: free texts are random words, choices are drawn from random distributions.
// Knows what a plan means; a token is a character.

import type {
  FreeText,
  Plan,
  PlannedSample,
  PlannedTokens,
  PlanPart,
  WrittenPart,
} from '../generator/plan.js';
import { checkPlanParts, choiceTexts, numberedText, type PlacedPart } from '../generator/plan-parts.js';

/** What a fake sample writes where the plan leaves it free. */
export interface FakePlanScript {
  /** A free text; its stop texts and bounds still hold. Default: random words, and at times a stop text. */
  readonly free?: (part: FreeText) => string;
  /** Weights of the texts of a choice, or of a repeat's `another` and `end`. Default: random. */
  readonly weigh?: (name: string, texts: readonly string[]) => readonly number[];
}

/** One sample of a plan; the same seed gives the same sample. `onPiece` gets each text with the index of its written part. Errors: those of `checkPlanParts`. */
export function followPlan(
  plan: Plan,
  index: number,
  seed: number,
  script: FakePlanScript = {},
  onPiece?: (part: number, text: string) => void,
): PlannedSample {
  const placed = checkPlanParts(plan);
  const follower = new Follower(placed, seed, script, onPiece);
  follower.follow(plan.parts);
  const { written: parts, text, tokens } = follower;
  return { index, seed, text, parts, tokens, finish: 'complete', elapsedMs: 1 };
}

class Follower {
  readonly written: WrittenPart[] = [];
  text = '';
  readonly tokens: { -readonly [K in keyof PlannedTokens]: number } = {
    given: 0,
    free: 0,
    chosen: 0,
    probed: 0,
    unjoined: 0,
  };
  readonly #numbers: ReadonlyMap<PlanPart, PlacedPart>;
  readonly #script: FakePlanScript;
  readonly #onPiece: ((part: number, text: string) => void) | undefined;
  /** Loops that are open: the name of the repeat, and the round. */
  readonly #loops: { over: string; round: number }[] = [];
  readonly #rounds = new Map<string, number>();
  #state: number;

  constructor(
    placed: readonly PlacedPart[],
    seed: number,
    script: FakePlanScript,
    onPiece?: (part: number, text: string) => void,
  ) {
    this.#onPiece = onPiece;
    this.#numbers = new Map(placed.map((one) => [one.part, one]));
    this.#script = script;
    this.#state = seed + 1;
  }

  follow(parts: readonly PlanPart[]): void {
    for (const part of parts) this.#write(part);
  }

  #write(part: PlanPart): void {
    switch (part.kind) {
      case 'given':
        this.#give(part, 'given', '', part.text);
        return;
      case 'copy':
        this.#give(part, 'copy', part.of, this.#textOf(part.of));
        return;
      case 'free':
        this.#free(part);
        return;
      case 'choice': {
        const { chosen, probabilities } = this.#choose(part.name, part.texts, part.mode === 'greedy');
        this.tokens.chosen += 1;
        this.#record(part, 'choice', part.name, part.texts[chosen]!, { chosen, probabilities });
        this.#add(part.terminator ?? '');
        this.tokens.given += part.terminator?.length ?? 0;
        return;
      }
      case 'repeat':
        this.#repeat(part);
        return;
      case 'forEach': {
        const rounds = this.#rounds.get(part.over) ?? 0;
        for (let round = 0; round < rounds; round += 1) {
          const between = numberedText(part.between ?? '', part.numbered, round);
          if (round > 0 && between !== '') this.#give(part, 'given', '', between);
          this.#round(part.over, round, part.body);
        }
      }
    }
  }

  #repeat(part: Extract<PlanPart, { kind: 'repeat' }>): void {
    let round = 0;
    for (; round < part.most; round += 1) {
      const [another, end] = choiceTexts(part, round) as [string, string];
      if (round < part.least) {
        this.#give(part, 'repeat', part.name, another);
      } else {
        const { chosen, probabilities } = this.#choose(part.name, [another, end], false);
        this.tokens.chosen += 1;
        const text = chosen === 0 ? another : end;
        this.#record(part, 'repeat', part.name, text, { chosen, probabilities });
        if (chosen === 1) break;
      }
      this.#round(part.name, round, part.body);
    }
    if (round === part.most) this.#give(part, 'repeat', part.name, part.end);
    this.#rounds.set(part.name, round);
  }

  #round(over: string, round: number, body: readonly PlanPart[]): void {
    this.#loops.push({ over, round });
    this.follow(body);
    this.#loops.pop();
  }

  #free(part: FreeText): void {
    const { maxTokens, stop = [], bars = [] } = part;
    let text = this.#script.free?.(part) ?? this.#words(part);
    for (const barred of bars) text = text.replaceAll(barred, '');
    const cut = stop.map((word) => text.indexOf(word)).filter((at) => at >= 0);
    const whole = cut.length === 0 ? text : text.slice(0, Math.min(...cut));
    const kept = whole.slice(0, maxTokens);
    const finish = kept.length < whole.length ? 'length' : cut.length > 0 ? 'stop' : 'end';
    this.tokens.free += kept.length;
    this.#record(part, 'free', part.name, kept, { finish, drawn: kept.length });
  }

  #words({ stop = [] }: FreeText): string {
    const count = Math.floor(this.#uniform() * 12);
    const words = Array.from({ length: count }, () => Math.floor(this.#uniform() * 46656).toString(36));
    const ends = stop.length > 0 && this.#uniform() < 0.5;
    return words.join(' ') + (ends ? stop[Math.floor(this.#uniform() * stop.length)]! : '');
  }

  #choose(
    name: string,
    texts: readonly string[],
    greedy: boolean,
  ): { chosen: number; probabilities: number[] } {
    const weights = this.#script.weigh?.(name, texts) ?? texts.map(() => this.#uniform() + 1e-3);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const probabilities = weights.map((weight) => weight / sum);
    if (greedy) return { chosen: probabilities.indexOf(Math.max(...probabilities)), probabilities };
    let left = this.#uniform();
    const chosen = probabilities.findIndex((probability) => {
      left -= probability;
      return left < 0;
    });
    return { chosen: chosen < 0 ? texts.length - 1 : chosen, probabilities };
  }

  #give(part: PlanPart, kind: WrittenPart['kind'], name: string, text: string): void {
    this.tokens.given += text.length;
    this.#record(part, kind, name, text);
  }

  #record(
    part: PlanPart,
    kind: WrittenPart['kind'],
    name: string,
    text: string,
    more: Partial<WrittenPart> = {},
  ): void {
    const rounds = this.#loops.map(({ round }) => round);
    this.written.push({ kind, number: this.#numbers.get(part)!.number, name, rounds, text, ...more });
    this.#add(text);
  }

  /** Text of the newest part. */
  #add(text: string): void {
    this.text += text;
    if (text !== '') this.#onPiece?.(this.written.length - 1, text);
  }

  /** The text that a copy copies: that of the open round, else the newest. */
  #textOf(name: string): string {
    const source = [...this.#numbers.values()].find(({ part }) => 'name' in part && part.name === name)!;
    const loops = [...this.#numbers.values()].filter(({ number }) => source.within.includes(number));
    const wanted = loops.map(({ part }) =>
      this.#loops.find(({ over }) => part.kind === 'repeat' && over === part.name),
    );
    const found = this.written.findLast(
      (one) =>
        one.number === source.number &&
        (one.kind === 'free' || one.kind === 'choice') &&
        wanted.every((loop, at) => loop === undefined || one.rounds[at] === loop.round),
    );
    return found?.text ?? '';
  }

  #uniform(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  }
}
