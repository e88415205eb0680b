// Tokens of a text as the tokenizer gives them where the text stands, behind tokens that are there already.
// Texts are byte strings here: one character a byte, so that half a UTF-8 character can be part of one.

/** The tokens of a model and their texts. */
export interface Vocabulary {
  /** Tokens of plain text; what they write is known once they are. */
  tokenize(text: string): ArrayLike<number> | Promise<ArrayLike<number>>;
  /** Bytes that a token writes; none for control tokens. */
  piece(token: number): Uint8Array;
  ends(token: number): boolean;
}

/** What follows on tokens: the first `kept` of them stay, and `tokens` take the place of the others. */
export interface TokenJoin {
  readonly kept: number;
  readonly tokens: readonly number[];
  /** False where the tokens before are not the tokenizer's own: the text was then tokenized alone. */
  readonly joined: boolean;
}

// Tokens before a text that are looked at: a tokenizer joins letters to words, and a word has few tokens.
const WINDOW = 8;
const MOST_SPELLED = 1 << 14;
// Texts that end where a tokenizer joins nothing, for one that puts a space before every text.
const ANCHORS = ['\n', '.', 'a'];

export function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function fromBytes(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Joins of one vocabulary; texts that were asked for are remembered. */
export class TokenJoins {
  readonly #vocabulary: Vocabulary;
  readonly #pieces = new Map<number, string>();
  readonly #spelled = new Map<string, Promise<readonly number[] | null>>();
  #addsSpace: Promise<boolean> | undefined;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** Bytes of a token. */
  piece(token: number): string {
    let piece = this.#pieces.get(token);
    if (piece === undefined) {
      piece = Buffer.from(this.#vocabulary.piece(token)).toString('latin1');
      this.#pieces.set(token, piece);
    }
    return piece;
  }

  ends(token: number): boolean {
    return this.#vocabulary.ends(token);
  }

  write(tokens: readonly number[]): string {
    return tokens.map((token) => this.piece(token)).join('');
  }

  /** Tokens that write exactly these bytes in the middle of a text; null where the vocabulary has none. */
  spell(bytes: string): Promise<readonly number[] | null> {
    let tokens = this.#spelled.get(bytes);
    if (tokens === undefined) {
      if (this.#spelled.size >= MOST_SPELLED) this.#spelled.clear();
      tokens = this.#tokenize(bytes);
      this.#spelled.set(bytes, tokens);
      tokens.catch(() => this.#spelled.delete(bytes));
    }
    return tokens;
  }

  /** How the bytes follow on `before`; null where the vocabulary cannot write them. */
  async join(before: readonly number[], bytes: string): Promise<TokenJoin | null> {
    for (let n = Math.min(before.length, WINDOW); n > 0; n--) {
      const window = before.slice(before.length - n);
      const around = this.write(window);
      const own = await this.spell(around);
      if (own === null || own.length !== n || own.some((token, index) => token !== window[index])) continue;
      const whole = await this.spell(around + bytes);
      if (whole === null) continue;
      const same = commonLength(window, whole);
      return { kept: before.length - n + same, tokens: whole.slice(same), joined: true };
    }
    const alone = await this.spell(bytes);
    return alone === null ? null : { kept: before.length, tokens: alone, joined: before.length === 0 };
  }

  /** Whether the tokenizer would write other tokens than this one and the bytes' own. */
  async wouldJoin(token: number, bytes: string): Promise<boolean> {
    if (this.piece(token) === '') return false;
    const join = await this.join([token], bytes);
    return join !== null && (join.kept === 0 || !join.joined);
  }

  async #tokenize(bytes: string): Promise<readonly number[] | null> {
    const text = fromBytes(bytes);
    const fitting = (tokens: number[]): number[] | null => (this.write(tokens) === bytes ? tokens : null);
    this.#addsSpace ??= this.#beginsWithSpace();
    if (!(await this.#addsSpace)) return fitting(await this.#tokens(text));
    for (const anchor of ANCHORS) {
      const before = await this.#tokens(anchor);
      const whole = await this.#tokens(anchor + text);
      if (commonLength(before, whole) < before.length) continue;
      const tokens = fitting(whole.slice(before.length));
      if (tokens !== null) return tokens;
    }
    return null;
  }

  async #tokens(text: string): Promise<number[]> {
    return Array.from(await this.#vocabulary.tokenize(text));
  }

  /** Whether the tokenizer puts a space before every text. */
  async #beginsWithSpace(): Promise<boolean> {
    const begun = this.#tokens('a').then((tokens) => this.write(tokens).startsWith(' '));
    begun.catch(() => {
      this.#addsSpace = undefined;
    });
    return begun;
  }
}

/** How many leading tokens two lists have in common. */
export function commonLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
