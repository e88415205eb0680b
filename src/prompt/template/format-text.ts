// Texts with named slots in the manner of Python's str.format: `{name}`, literal braces doubled.
// Knows the syntax; which slots a text must have is its caller's to say.

import { PgenrmError } from '../../errors.js';

/** A literal text or a slot. */
export type FormatPart = { readonly text: string } | { readonly slot: string };

/** A slot text taken apart. */
export type FormatText = readonly FormatPart[];

/**
 * Takes a text apart into literals and slots.
 *
 * Throws `TEMPLATE_INVALID`, naming `label`, line and column, for a brace without a partner, a slot without a
 * plain name, a slot that is not among `slots`, and a slot of `slots` that never occurs.
 */
export function parseFormatText(text: string, slots: readonly string[], label: string): FormatText {
  const parts: FormatPart[] = [];
  const seen = new Set<string>();
  let literal = '';
  let pos = 0;
  while (pos < text.length) {
    const char = text[pos]!;
    if (char !== '{' && char !== '}') {
      const next = nextBrace(text, pos);
      literal += text.slice(pos, next);
      pos = next;
    } else if (text[pos + 1] === char) {
      literal += char;
      pos += 2;
    } else if (char === '}') {
      throw invalid(label, text, pos, "a '}' closes nothing; write '}}' for a literal brace");
    } else {
      const end = nextBrace(text, pos + 1);
      if (text[end] !== '}') {
        throw invalid(label, text, pos, "a '{' is not closed; write '{{' for a literal brace");
      }
      const name = text.slice(pos + 1, end);
      if (!slots.includes(name)) {
        throw invalid(label, text, pos, `unknown slot {${name.slice(0, 60)}}; expected ${slotList(slots)}`);
      }
      if (literal !== '') parts.push({ text: literal });
      literal = '';
      parts.push({ slot: name });
      seen.add(name);
      pos = end + 1;
    }
  }
  if (literal !== '') parts.push({ text: literal });
  const missing = slots.filter((slot) => !seen.has(slot));
  if (missing.length > 0) {
    throw new PgenrmError('TEMPLATE_INVALID', `${label}: the slot ${slotList(missing)} is missing`);
  }
  return parts;
}

/** The text with every slot filled. Values are taken as they are; braces in them mean nothing. */
export function fillFormatText(parts: FormatText, values: Readonly<Record<string, string>>): string {
  return parts.map((part) => ('slot' in part ? (values[part.slot] ?? '') : part.text)).join('');
}

function nextBrace(text: string, from: number): number {
  for (let pos = from; pos < text.length; pos++) {
    const code = text.charCodeAt(pos);
    if (code === 0x7b || code === 0x7d) return pos;
  }
  return text.length;
}

function slotList(slots: readonly string[]): string {
  return slots.map((slot) => `{${slot}}`).join(', ');
}

function invalid(label: string, text: string, pos: number, what: string): PgenrmError {
  const before = text.slice(0, pos);
  const line = before.split('\n').length;
  const column = pos - before.lastIndexOf('\n');
  return new PgenrmError('TEMPLATE_INVALID', `${label}, line ${line}, column ${column} of its text: ${what}`);
}
