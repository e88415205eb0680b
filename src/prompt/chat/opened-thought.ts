// Says whether a prompt ends inside a thought that its chat template has opened.
// Knows the marks of thoughts; nothing of chains.

/** Marks by which models begin and end what they think, the text between them no part of their answer. */
const THOUGHTS: readonly (readonly [begin: RegExp, end: RegExp])[] = [
  // <think>, <thinking>, <seed:think>, <think:opensource>, <thought>, <reasoning>, ◁think▷
  [
    /[<◁](?:[\w-]+:)?(?:think|thinking|thought|thoughts|reasoning|reflection)(?::[\w-]+)?[>▷]/gi,
    /[<◁]\/(?:[\w-]+:)?(?:think|thinking|thought|thoughts|reasoning|reflection)(?::[\w-]+)?[>▷]/gi,
  ],
  [/\[THINK\]/g, /\[\/THINK\]/g],
  [/<\|START_THINKING\|>/g, /<\|END_THINKING\|>/g],
  [
    /<\|(?:begin_of_thought|thought_start|think_start|think)\|>/g,
    /<\|(?:end_of_thought|thought_end|think_end|\/think)\|>/g,
  ],
  [/<\|inner_prefix\|>/g, /<\|inner_suffix\|>/g],
  // Harmony (gpt-oss) and Gemma: a channel of thoughts, ended by the next channel, message or mark.
  [/<\|channel\|>(?:analysis|commentary)\b/g, /<\|(?:end|start|return)\|>|<\|channel\|>final/g],
  [/<\|channel>thought/g, /<channel\|>/g],
];

/**
 * The mark of the thought in which a prompt ends; null where it ends in none. `generationPrompt`: what the chat template
 * writes after the last message. A chain that is written from there begins inside the thought.
 */
export function openedThought(generationPrompt: string): string | null {
  let opened: { mark: string; at: number } | null = null;
  for (const [begin, end] of THOUGHTS) {
    const last = [...generationPrompt.matchAll(begin)].at(-1);
    if (last === undefined) continue;
    const rest = generationPrompt.slice(last.index + last[0].length);
    if (new RegExp(end.source, end.flags).test(rest)) continue;
    if (opened === null || last.index > opened.at) opened = { mark: last[0], at: last.index };
  }
  return opened?.mark ?? null;
}

const CLOSINGS: readonly (readonly [begin: RegExp, end: string])[] = [
  [/^<\|channel\|>/, '<|end|><|start|>assistant<|channel|>final<|message|>'],
  [/^<\|channel>/, '<channel|>'],
  [/^<\|inner_prefix\|>$/, '<|inner_suffix|>'],
  [/^<\|START_THINKING\|>$/, '<|END_THINKING|>'],
  [/^<\|begin_of_thought\|>$/, '<|end_of_thought|>'],
  [/^<\|(thought|think)_start\|>$/, '<|$1_end|>'],
  [/^<\|think\|>$/, '<|/think|>'],
  [/^([<◁[])(.*)$/, '$1/$2'],
];

/** The text that ends a thought which `mark` began. */
export function thoughtEnd(mark: string): string {
  const [begin, end] = CLOSINGS.find(([pattern]) => pattern.test(mark)) ?? [/^$/, ''];
  return mark.replace(begin, end);
}
