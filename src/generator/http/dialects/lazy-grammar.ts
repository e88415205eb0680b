// A grammar in the fields of llama-server's requests: from the start, from a trigger on, or behind thoughts.
// Knows what llama-server reads; sends nothing.

import type { ThoughtMarks } from '../../generation.js';
import { wrappedGrammar } from '../wrapped-grammar.js';

/** From where a grammar holds, as `GenerationRequest` says. */
export interface LazyGrammar {
  readonly grammarTrigger?: string | undefined;
  readonly thoughts?: ThoughtMarks | undefined;
}

/** The fields of a request by which llama-server holds to `grammar`. */
export function grammarFields(
  grammar: string,
  { grammarTrigger, thoughts }: LazyGrammar,
): Record<string, unknown> {
  const closes = thoughts?.opened === true ? thoughts.close : [];
  if (grammarTrigger === undefined && closes.length === 0) return { grammar };
  // The grammar is given the text from the trigger on, so the trigger becomes part of it.
  const begins = grammarTrigger === undefined ? closes : [grammarTrigger];
  const found = `(${begins.map(escaped).join('|')})`;
  const value =
    grammarTrigger === undefined || closes.length === 0
      ? found
      : `(?:${closes.map(escaped).join('|')})[\\s\\S]*?${found}`;
  return {
    grammar: wrappedGrammar(grammar, begins),
    grammar_lazy: true,
    grammar_triggers: [{ type: 2, value }],
  };
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
