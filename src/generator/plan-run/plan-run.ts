// One sample on its way through a plan: which tokens come next, what must be drawn or read, and what was written.
// Knows tokens, texts and readings; nothing of sequences. Follows a plan as native/engine/plan_run does.
import { PgenrmError } from '../../errors.js';
import type {
  Choice,
  ForEach,
  FreeText,
  Plan,
  PlannedTokens,
  PlanPart,
  Repeat,
  WrittenPart,
} from '../plan.js';
import { choiceTexts, describePart, numberedText, type PlacedPart, placedParts } from '../plan-parts.js';
import { ChoiceTrie, choose, type NodeReading, uniformAt } from './choice-trie.js';
import { commonLength, fromBytes, type TokenJoin, type TokenJoins, toBytes } from './token-joins.js';

/** Newly written text, with the index of its part among the written ones. */
export interface PartText {
  readonly part: number;
  readonly text: string;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

// A list of parts that is being followed; of a loop, its body.
interface Frame {
  readonly parts: readonly PlanPart[];
  readonly loop: PlacedPart | null;
  /** Number of the repeat whose rounds a loop goes through. */
  readonly over: number;
  at: number;
  round: number;
  rounds: number;
  deciding: boolean;
}

/** A free text while it is written. */
interface Growing {
  readonly part: FreeText;
  readonly stop: readonly string[];
  readonly from: number;
  bytes: string;
  drawn: number;
  handedOut: number;
}

interface Choosing {
  readonly part: Choice | Repeat;
  readonly texts: readonly string[];
  readonly trie: ChoiceTrie | null;
}

/** Follows a plan; what it needs next is `state`. */
export class PlanRun {
  /** What is needed once all of `tokens` is decoded. */
  state: 'draws' | 'reads' | 'done' = 'done';
  readonly tokens: number[] = [];
  readonly written: Writable<WrittenPart>[] = [];
  /** Index of the next random number. */
  draws = 0;
  text = '';
  readonly #counts: Writable<PlannedTokens> = { given: 0, free: 0, chosen: 0, probed: 0, unjoined: 0 };
  readonly #placed: ReadonlyMap<PlanPart, PlacedPart>;
  readonly #named: ReadonlyMap<string, PlacedPart>;
  readonly #frames: Frame[] = [];
  readonly #rounds = new Map<number, number>();
  readonly #freeTokens = new Map<number, readonly number[]>();
  readonly #freeBytes = new Map<number, string>();
  readonly #ready: PartText[] = [];
  #pending = '';
  #growing: Growing | null = null;
  #choosing: Choosing | null = null;

  private constructor(
    plan: Plan,
    private readonly joins: TokenJoins,
    private readonly temperature: number,
    private readonly seed: number,
    private readonly promptToken: number,
  ) {
    const placed = placedParts(plan);
    this.#placed = new Map(placed.map((one) => [one.part, one]));
    this.#named = new Map(placed.flatMap((one) => ('name' in one.part ? [[one.part.name, one]] : [])));
    this.#frames.push({
      parts: plan.parts,
      loop: null,
      over: -1,
      at: 0,
      round: 0,
      rounds: 0,
      deciding: false,
    });
  }

  /** Begins a plan behind a prompt whose last token is `promptToken`. Rejects as `join` does. */
  static async begin(
    plan: Plan,
    joins: TokenJoins,
    temperature: number,
    seed: number,
    promptToken: number,
  ): Promise<PlanRun> {
    const run = new PlanRun(plan, joins, temperature, seed, promptToken);
    await run.#advance();
    return run;
  }

  get counts(): PlannedTokens {
    return this.#counts;
  }

  /** While it draws: the free text that grows, its bytes so far, and whether it may end. */
  get free(): { readonly part: FreeText; readonly bytes: string; readonly drawn: number } {
    return this.#growing!;
  }

  /** While it reads: the tree of the texts. */
  get trie(): ChoiceTrie {
    return this.#choosing!.trie!;
  }

  countProbed(rows: number): void {
    this.#counts.probed += rows;
  }

  /** Takes a token that was drawn. */
  async accept(token: number): Promise<void> {
    const growing = this.#growing!;
    this.draws++;
    this.#counts.free++;
    growing.drawn++;
    if (this.joins.ends(token)) {
      await this.#finishFree('end');
    } else {
      this.tokens.push(token);
      growing.bytes += this.joins.piece(token);
      const cuts = growing.stop.map((stop) => growing.bytes.indexOf(stop)).filter((at) => at >= 0);
      if (cuts.length > 0) {
        growing.bytes = growing.bytes.slice(0, Math.min(...cuts));
        await this.#finishFree('stop');
      } else if (growing.drawn === growing.part.maxTokens) {
        growing.bytes = growing.bytes.slice(0, wholeCharacters(growing.bytes));
        await this.#finishFree('length');
      } else {
        return;
      }
    }
    this.#top.at++;
    await this.#advance();
  }

  /** Takes what was read at a node; the choice is made with the last. Throws `DECODE_FAILED` where it is not finite. */
  async read(node: number, reading: NodeReading): Promise<void> {
    const { part, trie } = this.#choosing!;
    if (!trie!.read(node, reading)) throw this.#failure(part, 'the logits are not finite');
    if (!trie!.complete) return;
    const probabilities = trie!.probabilities();
    if (probabilities === null) throw this.#failure(part, 'the model rules every text out');
    const chosen = choose(probabilities, part.mode === 'greedy', uniformAt(this.seed, 2 * this.draws++));
    this.tokens.push(...trie!.texts[chosen]!);
    this.#counts.chosen += trie!.texts[chosen]!.length;
    this.#takeChoice(chosen, probabilities);
    await this.#advance();
  }

  async cancel(): Promise<void> {
    if (this.state === 'draws') await this.#finishFree('cancelled');
    this.state = 'done';
  }

  /** Settled text that was not handed out yet. */
  takeText(): PartText[] {
    const ready = this.#ready.splice(0);
    const growing = this.#growing;
    if (growing === null) return ready;
    let held = 0;
    for (const stop of growing.stop) {
      for (let length = Math.min(stop.length - 1, growing.bytes.length); length > held; length--) {
        if (growing.bytes.endsWith(stop.slice(0, length))) held = length;
      }
    }
    const end = wholeCharacters(growing.bytes.slice(0, growing.bytes.length - held));
    if (end > growing.handedOut) {
      ready.push({
        part: this.written.length - 1,
        text: fromBytes(growing.bytes.slice(growing.handedOut, end)),
      });
      growing.handedOut = end;
    }
    return ready;
  }

  get #top(): Frame {
    return this.#frames[this.#frames.length - 1]!;
  }

  #failure(part: PlanPart, why: string): PgenrmError {
    const where = describePart(this.#placed.get(part)!);
    return new PgenrmError('DECODE_FAILED', `The plan cannot be followed at ${where}: ${why}.`);
  }

  /** Throws that a free text cannot go on. */
  failFree(): never {
    throw this.#failure(
      this.#growing!.part,
      'no token may follow: its grammar and what may not occur leave none',
    );
  }

  async #advance(): Promise<void> {
    for (;;) {
      const frame = this.#top;
      if (frame.deciding) {
        if (!(await this.#decide(frame))) return;
        continue;
      }
      const part = frame.parts[frame.at];
      if (part === undefined) {
        if (frame.loop === null) {
          await this.#writePending(frame.parts[frame.at - 1]!);
          this.state = 'done';
          return;
        }
        frame.at = 0;
        frame.round++;
        frame.deciding = frame.loop.part.kind === 'repeat';
        if (!frame.deciding) this.#goOn(frame, frame.loop.part as ForEach);
        continue;
      }
      if (!(await this.#follow(part, frame))) return;
    }
  }

  // False where something must be drawn or read first.
  async #follow(part: PlanPart, frame: Frame): Promise<boolean> {
    switch (part.kind) {
      case 'given':
        this.#give(part, 'given', '', part.text);
        frame.at++;
        return true;
      case 'copy':
        await this.#copy(part.of, part);
        frame.at++;
        return true;
      case 'repeat':
      case 'forEach': {
        const loop = this.#placed.get(part)!;
        const over = part.kind === 'repeat' ? loop.number : this.#named.get(part.over)!.number;
        const rounds = part.kind === 'repeat' ? 0 : (this.#rounds.get(over) ?? 0);
        const deciding = part.kind === 'repeat';
        this.#frames.push({ parts: part.body, loop, over, at: 0, round: 0, rounds, deciding });
        if (!deciding && rounds === 0) this.#leaveLoop();
        return true;
      }
      case 'free':
        await this.#writePending(part);
        this.#record(part, 'free', part.name, '');
        this.#growing = {
          part,
          stop: (part.stop ?? []).map(toBytes),
          from: this.tokens.length,
          bytes: '',
          drawn: 0,
          handedOut: 0,
        };
        this.state = 'draws';
        return false;
      case 'choice':
        return this.#beginChoice(part, part.temperature ?? this.temperature);
    }
  }

  // Begins the next round of a forEach, or leaves it.
  #goOn(frame: Frame, part: ForEach): void {
    if (frame.round === frame.rounds) {
      this.#leaveLoop();
      return;
    }
    const between = numberedText(part.between ?? '', part.numbered, frame.round);
    if (between !== '') this.#give(part, 'given', '', between);
  }

  // Whether another round comes; false where it must be read first.
  async #decide(frame: Frame): Promise<boolean> {
    const repeat = frame.loop!.part as Repeat;
    if (frame.round < repeat.least) {
      this.#give(repeat, 'repeat', repeat.name, choiceTexts(repeat, frame.round)[0]!);
      frame.deciding = false;
      return true;
    }
    if (frame.round < repeat.most) return this.#beginChoice(repeat, this.temperature);
    this.#give(repeat, 'repeat', repeat.name, repeat.end);
    this.#leaveLoop();
    return true;
  }

  #leaveLoop(): void {
    const { loop, round } = this.#frames.pop()!;
    if (loop!.part.kind === 'repeat') this.#rounds.set(loop!.number, round);
    this.#top.at++;
  }

  #give(part: PlanPart, kind: WrittenPart['kind'], name: string, text: string): void {
    this.#record(part, kind, name, text);
    this.#pending += toBytes(text);
  }

  async #copy(of: string, part: PlanPart): Promise<void> {
    const index = this.#sourceOf(of);
    if (index < 0) {
      this.#record(part, 'copy', of, '');
      return;
    }
    const { text } = this.written[index]!;
    const bytes = this.#freeBytes.get(index) ?? toBytes(text);
    if ((await this.joins.spell(bytes)) === null) {
      // Bytes that no tokenizer reads, such as half a character, are copied token by token.
      await this.#writePending(part);
      const tokens = this.#freeTokens.get(index)!;
      this.tokens.push(...tokens);
      this.#counts.given += tokens.length;
      this.#counts.unjoined++;
      // What a stop text cut off the last token has no token there.
      this.#pending = bytes.slice(this.joins.write(tokens).length);
    } else {
      this.#pending += bytes;
    }
    this.#record(part, 'copy', of, text);
  }

  #sourceOf(name: string): number {
    const { number, within } = this.#named.get(name)!;
    const rounds = within.map((loop) => this.#frames.find(({ over }) => over === loop)?.round);
    for (let index = this.written.length - 1; index >= 0; index--) {
      const written = this.written[index]!;
      if (written.number !== number) continue;
      if (rounds.every((round, at) => round === undefined || written.rounds[at] === round)) return index;
    }
    return -1;
  }

  async #finishFree(finish: NonNullable<WrittenPart['finish']>): Promise<void> {
    const growing = this.#growing!;
    const index = this.written.length - 1;
    // Tokens that lie within the text stay; the head of one that a stop text cut through is written anew.
    let kept = growing.from;
    let length = 0;
    for (; kept < this.tokens.length; kept++) {
      const next = length + this.joins.piece(this.tokens[kept]!).length;
      if (next > growing.bytes.length) break;
      length = next;
    }
    let head = growing.bytes.slice(length);
    if (head !== '' && (await this.joins.spell(head)) === null) head = '';
    const bytes = growing.bytes.slice(0, length) + head;
    this.tokens.length = kept;
    this.#freeTokens.set(index, this.tokens.slice(growing.from));
    this.#freeBytes.set(index, bytes);
    this.#pending = head;
    const rest = fromBytes(bytes.slice(growing.handedOut));
    if (rest !== '') this.#ready.push({ part: index, text: rest });
    const part = this.written[index]!;
    part.text = fromBytes(bytes);
    part.finish = finish;
    part.drawn = growing.drawn;
    this.text += part.text;
    this.#growing = null;
  }

  async #writePending(part: PlanPart): Promise<void> {
    if (this.#pending === '') return;
    const join = await this.joins.join(this.tokens, this.#pending);
    if (join === null) throw this.#failure(part, 'the vocabulary cannot write the text before it');
    const began = this.tokens.length === 0 && (await this.joins.wouldJoin(this.promptToken, this.#pending));
    if (!join.joined || began) this.#counts.unjoined++;
    const before = this.tokens.length;
    this.tokens.splice(join.kept, before, ...join.tokens);
    this.#counts.given += this.tokens.length - before;
    this.#pending = '';
  }

  // Sets up the reading of a choice; true where nothing is to be read and the choice is made.
  async #beginChoice(part: Choice | Repeat, temperature: number): Promise<boolean> {
    const texts = choiceTexts(part, this.#top.round);
    if (texts.length === 1) {
      this.#choosing = { part, texts, trie: null };
      this.#pending += toBytes(texts[0]!);
      this.#takeChoice(0, [1]);
      return true;
    }
    await this.#writePending(part);
    const join = async (text: string): Promise<TokenJoin> => {
      const joined = await this.joins.join(this.tokens, toBytes(text));
      if (joined === null) throw this.#failure(part, `the vocabulary cannot write the text '${text}'`);
      return joined;
    };
    const joins = await Promise.all(texts.map(join));
    const began =
      this.tokens.length === 0 && (await this.joins.wouldJoin(this.promptToken, toBytes(texts[0]!)));
    if (!joins[0]!.joined || began) this.#counts.unjoined++;
    const kept = Math.min(...joins.map((join) => join.kept));
    const all = joins.map((join) => [...this.tokens.slice(kept, join.kept), ...join.tokens]);
    const common = Math.min(...all.map((tokens) => commonLength(all[0]!, tokens)));
    const before = this.tokens.length;
    this.tokens.splice(kept, before, ...all[0]!.slice(0, common));
    this.#counts.given += this.tokens.length - before;
    const rests = all.map((tokens) => tokens.slice(common));
    this.#choosing = { part, texts, trie: new ChoiceTrie(rests, part.weighing ?? 'whole', temperature) };
    this.state = 'reads';
    return false;
  }

  // Notes what was chosen and moves on behind it.
  #takeChoice(chosen: number, probabilities: readonly number[]): void {
    const { part, texts } = this.#choosing!;
    const written = this.#record(part, part.kind, part.name, texts[chosen]!);
    written.chosen = chosen;
    written.probabilities = probabilities;
    if (part.kind === 'choice') {
      written.text = part.texts[chosen]!;
      this.#top.at++;
    } else if (chosen === 0) {
      this.#top.deciding = false;
    } else {
      this.#leaveLoop();
    }
    this.#choosing = null;
  }

  #record(part: PlanPart, kind: WrittenPart['kind'], name: string, text: string): Writable<WrittenPart> {
    const rounds = this.#frames.flatMap(({ loop, round }) => (loop === null ? [] : [round]));
    const written = { kind, number: this.#placed.get(part)!.number, name, rounds, text };
    this.text += text;
    if (text !== '') this.#ready.push({ part: this.written.length, text });
    this.written.push(written);
    return written;
  }
}

// Length of the bytes without the beginning of a character at their end.
function wholeCharacters(bytes: string): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes.charCodeAt(bytes.length - back);
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
