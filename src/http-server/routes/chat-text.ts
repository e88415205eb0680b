// Turns again from a conversation that a chat template wrote: ChatML (Qwen and many others), Llama 3, Gemma.
// Trainers send prompts so, with the special tokens kept.

import { PgenrmError } from '../../errors.js';
import type { Turn } from '../../preference/preference.js';

interface Form {
  readonly turn: RegExp;
  readonly leading: RegExp;
}

const FORMS: readonly Form[] = [
  { turn: /<\|im_start\|>(\w+)\n([\s\S]*?)(?:<\|im_end\|>\s*|$)/gy, leading: /^\s*/ },
  {
    turn: /<\|start_header_id\|>(\w+)<\|end_header_id\|>\n\n([\s\S]*?)(?:<\|eot_id\|>\s*|$)/gy,
    leading: /^(?:\s|<\|begin_of_text\|>)*/,
  },
  { turn: /<start_of_turn>(\w+)\n([\s\S]*?)(?:<end_of_turn>\s*|$)/gy, leading: /^(?:\s|<bos>)*/ },
];

const ROLES: Readonly<Record<string, Turn['role']>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  model: 'assistant',
};

const END_TOKENS = /(?:\s*(?:<\|[^|<>\s]{1,40}\|>|<\/s>|<eos>|<end_of_turn>))+\s*$/;

/** The turns of a text in one of the known forms; null where it is in none of them. The last turn may have no end. */
export function turnsOfChatText(text: string): Turn[] | null {
  for (const { turn, leading } of FORMS) {
    const turns: Turn[] = [];
    let at = leading.exec(text)![0].length;
    while (at < text.length) {
      turn.lastIndex = at;
      const match = turn.exec(text);
      const role = match === null ? undefined : ROLES[match[1]!];
      if (match === null || role === undefined) break;
      turns.push({ role, content: match[2]!.trim() });
      at = turn.lastIndex;
    }
    if (at >= text.length && turns.length > 0) return turns;
  }
  return null;
}

/** A response without the special tokens at its end. */
export function withoutEndTokens(text: string): string {
  return text.replace(END_TOKENS, '');
}

/** The situation of a prompt that a chat template wrote: its turns without the empty one that it opens for the reply. */
export function situationOf(prompt: string): Turn[] {
  const turns = turnsOfChatText(prompt);
  if (turns === null) return [{ role: 'user', content: prompt }];
  const last = turns.at(-1)!;
  return last.role === 'assistant' && last.content === '' && turns.length > 1 ? turns.slice(0, -1) : turns;
}

/** A whole conversation as situation and candidate. Errors: `INPUT_MALFORMED` where it is in no known form. */
export function conversationOf(text: string): { readonly context: Turn[]; readonly candidate: string } {
  const turns = turnsOfChatText(text);
  const last = turns?.at(-1);
  if (turns === null || last?.role !== 'assistant' || turns.length < 2) {
    throw new PgenrmError(
      'INPUT_MALFORMED',
      "input must be a conversation in the form of ChatML, Llama 3 or Gemma that ends with a turn of the assistant; give the reward model's tokenizer such a chat template, or use /v1/judge",
    );
  }
  return { context: turns.slice(0, -1), candidate: last.content };
}
