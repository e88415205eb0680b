// Grammars for servers that hold them with XGrammar (vLLM, SGLang): it reads GBNF but for a few constructs, which are refused.
// Tried on xgrammar 0.2.9.

import { PgenrmError } from '../../../errors.js';

const QUOTED = /"(?:\\[\s\S]|[^"\\])*"|\[(?:\\[\s\S]|[^\]\\])*\]|#[^\n]*/g;

/** Throws `INVALID_OPTION` that names what `engine` cannot be given of a grammar that llama.cpp reads. */
export function checkXgrammar(grammar: string, engine: string): void {
  const bare = grammar.replace(QUOTED, ' ');
  const literals = grammar.match(QUOTED)?.filter((part) => part.startsWith('"')) ?? [];
  const names = [...bare.matchAll(/([\w-]+)\s*::=/g)].map(([, name]) => name!);
  const found = (
    [
      ['a token (<...>)', /[<>!]/.test(bare)],
      ['any character (.)', bare.includes('.')],
      [
        'a bracket that is escaped in a literal',
        literals.some((text) => /^(?:[^\\]|\\[^[\]])*\\[[\]]/.test(text)),
      ],
      ['a rule whose name begins with a digit or a hyphen', names.some((name) => /^[\d-]/.test(name))],
      ['a rule that is defined twice', new Set(names).size < names.length],
    ] as const
  ).find(([, has]) => has);
  if (found === undefined) return;
  throw new PgenrmError(
    'INVALID_OPTION',
    `grammar must do without ${found[0]}, for ${engine} cannot be given that; write it in another way`,
  );
}
