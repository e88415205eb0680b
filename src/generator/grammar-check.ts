// Checks the syntax of a GBNF grammar and says where it breaks, before llama.cpp sees it:
// llama.cpp writes its own complaint to stderr and gives no reason back. Builds nothing.
import { PgenrmError } from '../errors.js';

/** What a grammar may use. */
export interface GrammarCheckOptions {
  /** Whether tokens may be named by their text, as in `<think>`; by number, `<[42]>`, they always may. Default true. */
  readonly namedTokens?: boolean;
}

// llama.cpp refuses grammars that unfold into more rules than this at one place.
const MOST_REPETITIONS = 2000;

const WORD = /[A-Za-z0-9-]+/y;
const DIGITS = /[0-9]+/y;
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

class GrammarReader {
  private at = 0;
  private readonly defined = new Set<string>();
  private readonly used = new Map<string, number>();
  private madeSymbols = 0;

  constructor(
    private readonly text: string,
    private readonly namedTokens: boolean,
  ) {}

  check(): void {
    this.space(true);
    while (this.at < this.text.length) this.rule();
    for (const [name, at] of this.used) {
      if (!this.defined.has(name)) this.refuse(`rule ${name} is used and not defined`, at);
    }
    if (!this.defined.has('root')) this.refuse('there is no rule named root', 0);
  }

  private refuse(found: string, at = this.at): never {
    const before = this.text.slice(0, at).split('\n');
    throw new PgenrmError(
      'GRAMMAR_INVALID',
      `The GBNF grammar is wrong at line ${before.length}, column ${before.at(-1)!.length + 1}: ${found}.`,
    );
  }

  private here(): string {
    return this.at < this.text.length ? JSON.stringify(this.text.slice(this.at, this.at + 12)) : 'the end';
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return null;
    this.at += found[0].length;
    return found[0];
  }

  private take(text: string): boolean {
    if (!this.text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  private expect(text: string, where: string): void {
    if (!this.take(text)) this.refuse(`expected ${text} ${where}, found ${this.here()}`);
  }

  private space(newlines: boolean): void {
    this.match(newlines ? /(?:[ \t\r\n]|#[^\r\n]*)+/y : /(?:[ \t]|#[^\r\n]*)+/y);
  }

  private get symbols(): number {
    return new Set([...this.defined, ...this.used.keys()]).size + this.madeSymbols;
  }

  private rule(): void {
    const name = this.match(WORD);
    if (name === null) this.refuse(`expected the name of a rule, found ${this.here()}`);
    this.defined.add(name);
    this.space(false);
    this.expect('::=', `behind the rule name ${name}`);
    this.space(true);
    this.alternates(false);
    if (this.at < this.text.length && this.match(/\r\n?|\n/y) === null) {
      this.refuse(`expected the end of rule ${name}, found ${this.here()}`);
    }
    this.space(true);
  }

  private alternates(nested: boolean): void {
    this.sequence(nested);
    while (this.take('|')) {
      this.space(true);
      this.sequence(nested);
    }
  }

  private sequence(nested: boolean): void {
    let items = 0;
    let weight = 1;
    for (;;) {
      const start = this.at;
      const repeated = this.repetition(nested);
      if (repeated !== null) {
        if (items === 0) this.refuse('there is nothing to repeat here', start);
        const [least, most] = repeated;
        const times = Number.isFinite(most) && most > 0 ? most : Math.max(least, 1);
        if (weight * times > MOST_REPETITIONS) {
          this.refuse(`the repetitions unfold to more than ${MOST_REPETITIONS} rules`, start);
        }
        weight *= times;
        this.madeSymbols += Number.isFinite(most) ? most - least : 1;
        continue;
      }
      const found = this.item(nested);
      if (found === null) return;
      weight = found.weight;
      items = found.empty ? 0 : items + 1;
      this.space(nested);
    }
  }

  // One literal, character class, token, rule name, group or dot; null where none begins here.
  private item(nested: boolean): { weight: number; empty: boolean } | null {
    if (this.take('"')) {
      const start = this.at;
      while (!this.take('"')) this.character('the closing "');
      return { weight: 1, empty: this.at === start + 1 };
    }
    if (this.take('[')) {
      this.take('^');
      const start = this.at;
      while (!this.take(']')) {
        this.character('the closing ]');
        if (this.text[this.at] === '-' && this.text[this.at + 1] !== ']') {
          this.at++;
          this.character('the end of a range');
        }
      }
      return { weight: 1, empty: this.at === start + 1 };
    }
    if (this.text[this.at] === '<' || this.text[this.at] === '!') {
      this.token();
      return { weight: 1, empty: false };
    }
    if (this.take('(')) {
      this.space(true);
      const before = this.symbols;
      this.madeSymbols++;
      this.alternates(true);
      this.expect(')', 'to close the group');
      return { weight: Math.max(1, this.symbols - before), empty: false };
    }
    if (this.take('.')) return { weight: 1, empty: false };
    const start = this.at;
    // Within a group the next rule cannot begin, so that a name is always a use.
    const name = this.match(WORD);
    if (name === null) return null;
    if (!nested && /^[ \t]*::=/.test(this.text.slice(this.at))) {
      this.refuse(`expected the end of the rule before ${name} ::=; begin it on a line of its own`, start);
    }
    if (!this.used.has(name)) this.used.set(name, start);
    return { weight: 1, empty: false };
  }

  private character(missing: string): void {
    if (this.at >= this.text.length) this.refuse(`the grammar ends before ${missing}`);
    if (!this.take('\\')) {
      this.at += this.text.codePointAt(this.at)! > 0xffff ? 2 : 1;
      return;
    }
    const kind = this.text[this.at] ?? '';
    this.at++;
    const digits = HEX_DIGITS[kind];
    if (digits === undefined) {
      if (kind === '' || !'trn\\"[]-'.includes(kind)) this.refuse(`unknown escape \\${kind}`, this.at - 2);
      return;
    }
    if (
      !/^[0-9a-fA-F]*$/.test(this.text.slice(this.at, this.at + digits)) ||
      this.at + digits > this.text.length
    ) {
      this.refuse(`\\${kind} needs ${digits} hexadecimal digits`, this.at - 2);
    }
    this.at += digits;
  }

  private token(): void {
    const start = this.at;
    this.take('!');
    this.expect('<', 'to begin a token');
    if (this.take('[')) {
      if (this.match(DIGITS) === null) this.refuse(`expected a token number, found ${this.here()}`);
      this.expect(']>', 'behind the token number');
      return;
    }
    if (!this.namedTokens) this.refuse('tokens are given by number here, as in <[42]>', start);
    if (this.match(/[^>]*>/y) === null) this.refuse('the token has no closing >', start);
  }

  // The times of a repetition mark, or null where there is none.
  private repetition(nested: boolean): [least: number, most: number] | null {
    let times: [number, number] | null = null;
    if (this.take('*')) times = [0, Number.POSITIVE_INFINITY];
    else if (this.take('+')) times = [1, Number.POSITIVE_INFINITY];
    else if (this.take('?')) times = [0, 1];
    else if (this.take('{')) times = this.braces(nested);
    if (times !== null) this.space(nested);
    return times;
  }

  private braces(nested: boolean): [number, number] {
    const start = this.at - 1;
    const number = (): number | null => {
      const digits = this.match(DIGITS);
      if (digits !== null) this.space(nested);
      return digits === null ? null : Number(digits);
    };
    this.space(nested);
    const least = number();
    if (least === null) this.refuse(`expected a number of repetitions, found ${this.here()}`);
    let most: number = least;
    if (this.take(',')) {
      this.space(nested);
      most = number() ?? Number.POSITIVE_INFINITY;
    }
    this.expect('}', 'behind the number of repetitions');
    if (least > MOST_REPETITIONS) this.refuse(`more than ${MOST_REPETITIONS} repetitions`, start);
    if (most < least) this.refuse(`at most ${most} repetitions is less than at least ${least}`, start);
    return [least, most > MOST_REPETITIONS ? Number.POSITIVE_INFINITY : most];
  }
}

/**
 * Checks that `grammar` is GBNF as llama.cpp reads it, with a rule `root` and no undefined rules.
 * Throws `GRAMMAR_INVALID` with line, column and what was expected. Left recursion is left to llama.cpp.
 */
export function checkGrammar(grammar: string, { namedTokens = true }: GrammarCheckOptions = {}): void {
  new GrammarReader(grammar, namedTokens).check();
}
