// A chat template for servers that put their own around messages: it marks where each message begins.
// Knows prompts; nothing of servers. Marks count in trusted text only, so data cannot write one.

import type { Prompt } from '../generation.js';

const MARK = (role: string): string => `\u0001${role}\u0002`;

/** Prints messages between marks, the last one open for the assistant's answer. */
export const CHAT_TEMPLATE = `{% for message in messages %}{{ "\u0001" + message.role + "\u0002" }}{{ message.content }}{% endfor %}{{ "${MARK('assistant')}" }}`;

/** The messages of a prompt that {@link CHAT_TEMPLATE} rendered; null for any other prompt. */
export function messagesOf(prompt: Prompt): { role: string; content: string }[] | null {
  const messages: { role: string; content: string }[] = [];
  for (const { text, trusted } of prompt) {
    if (!trusted) {
      const last = messages.at(-1);
      if (last === undefined) return null;
      last.content += text;
      continue;
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the marks are control characters
    for (const [, role, content] of text.matchAll(/\u0001(\w+)\u0002([^\u0001]*)/g))
      messages.push({ role: role!, content: content! });
  }
  if (messages.at(-1)?.role === 'assistant' && messages.at(-1)?.content === '') messages.pop();
  return messages.length === 0 ? null : messages;
}
