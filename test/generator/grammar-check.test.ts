import { execFileSync } from 'node:child_process';
import { getLlama, type Llama, LlamaLogLevel } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PgenrmError } from '../../src/errors.js';
import { checkGrammar } from '../../src/generator/grammar-check.js';
import { chainGrammar } from '../../src/prompt/grammar.js';

const GOOD = [
  'root ::= "a"',
  'root ::= ""',
  '# a comment\nroot ::= (a | b)* [^"\\]\\x41-\\u00ff] .?  # more\na ::= "\\n\\t\\"\\\\" {3}\nb ::= [a-z-]{2,} a{ 1 , 4 }\r\n',
  'root ::= (\n  "x"\n  | "y"\n)+\n',
  'root ::= a |\n  "c"\na ::= "日本" | "😀"',
  'root ::= <[12]> !<[3]>',
  'root ::= "a" | ',
  'root ::= ("a" ("b"){1,30}){1,40}',
  'root-1 ::= "a"\nroot ::= root-1',
  chainGrammar(2),
  chainGrammar(5, { from: 'start' }),
];

const BAD: [grammar: string, part: string][] = [
  ['', 'no rule named root'],
  ['start ::= "a"', 'no rule named root'],
  ['root ::= missing', 'missing is used and not defined'],
  ['root = "a"', '::='],
  ['root ::= "a', 'closing "'],
  ['root ::= [a-', 'end'],
  ['root ::= ("a"', ')'],
  ['root ::= * "a"', 'nothing to repeat'],
  ['root ::= "a"{x}', 'number of repetitions'],
  ['root ::= "a"{2', '}'],
  ['root ::= "a"{3000}', '2000'],
  ['root ::= ("a"{1,50} "b"{1,50} "c"){1,50}', '2000'],
  ['root ::= "\\q"', 'escape'],
  ['root ::= "\\x4"', 'hexadecimal'],
  ['root ::= "a" )', 'end of rule root'],
  ['root ::= <[a]>', 'token number'],
  ['!root ::= "a"', 'name of a rule'],
];

describe('checkGrammar', () => {
  it.each(GOOD)('accepts %j', (grammar) => {
    expect(() => checkGrammar(grammar)).not.toThrow();
  });

  it.each(BAD)('refuses %j', (grammar, part) => {
    try {
      checkGrammar(grammar);
      expect.fail('it should have failed');
    } catch (error) {
      expect(error).toBeInstanceOf(PgenrmError);
      expect(error).toMatchObject({ code: 'GRAMMAR_INVALID' });
      expect((error as Error).message).toContain(part);
    }
  });

  it('names the line and the column', () => {
    expect(() => checkGrammar('root ::= "a"\nb ::= "c" )')).toThrow('line 2, column 11');
  });

  it('takes tokens by name only where they are allowed', () => {
    expect(() => checkGrammar('root ::= <think>')).not.toThrow();
    expect(() => checkGrammar('root ::= <think>', { namedTokens: false })).toThrow('by number');
  });
});

describe('checkGrammar beside llama.cpp', () => {
  let llama: Llama;
  beforeAll(async () => {
    llama = await getLlama({
      gpu: false,
      build: 'never',
      logLevel: LlamaLogLevel.disabled,
      logger: () => undefined,
    });
  });
  afterAll(async () => {
    await llama.dispose();
  });

  it.each(GOOD)('agrees that %j is right', async (grammar) => {
    await expect(llama.createGrammar({ grammar })).resolves.toBeDefined();
  });

  // llama.cpp writes its complaints straight to stderr: a child process keeps them out of the test's output.
  it('agrees that the wrong ones are wrong', () => {
    const script = `import('node-llama-cpp').then(async ({ getLlama }) => {
      const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'disabled', logger: () => undefined });
      const accepted = [];
      for (const grammar of JSON.parse(process.argv[1])) {
        await llama.createGrammar({ grammar }).then(() => accepted.push(grammar), () => undefined);
      }
      await llama.dispose();
      console.log(JSON.stringify(accepted));
    })`;
    const grammars = JSON.stringify(BAD.map(([grammar]) => grammar));
    const out = execFileSync(process.execPath, ['-e', script, grammars], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(JSON.parse(out.toString())).toEqual([]);
  });
});
