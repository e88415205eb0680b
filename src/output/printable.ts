// Makes text safe to show: what a terminal would take for a command is written out.
// Knows control characters; not where the text goes.

// C0 without tab and line feed, delete, C1, and the marks that turn the direction of what follows.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const COMMANDS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** The text with control characters written out as `\u001b`, so that none reaches a terminal; lines and tabs stay. */
export function printable(text: string): string {
  return text.replace(COMMANDS, escaped);
}

/** JSON of a value, in ASCII where a terminal would take a character for a command; it reads back the same. */
export function printableJson(value: unknown, space?: number): string {
  return JSON.stringify(value, null, space).replace(COMMANDS, escaped);
}
