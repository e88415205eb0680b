// Made-up users of a few styles, and chains that tell the style from a history.

import { chainText, type FakeSample } from '../support/fake-generator.js';

export const STYLES = ['brief', 'poetic', 'formal', 'playful'] as const;

export type Style = (typeof STYLES)[number];

/** Style of a user by number. */
export function styleOf(user: number): Style {
  return STYLES[user % STYLES.length]!;
}

/** A labelled row: user `u{user}` takes the reply in their style. */
export function styledRow(user: number, index: number, changes: object = {}): Record<string, unknown> {
  const style = styleOf(user);
  const other = styleOf(user + 1 + (index % 3));
  return {
    conversation_id: `u${user}-c${index}`,
    user_id: `u${user}`,
    context: [{ role: 'user', content: `question ${index} of reader ${user}` }],
    chosen: { role: 'assistant', content: `a ${style} answer number ${index}` },
    rejected: { role: 'assistant', content: `a ${other} answer number ${index}` },
    split: 'train',
    ...changes,
  };
}

/** Rows of some users, a few each, user after user. */
export function styledRows(users: number, each: number): Record<string, unknown>[] {
  return Array.from({ length: users * each }, (_, row) => styledRow(Math.floor(row / each), row % each));
}

/** A chain that names the style which the prompt's history chose most. */
export function tellStyle({ prompt, responses }: FakeSample): string {
  const history = prompt.split('[The Start of User Input]')[0]!;
  const counts = STYLES.map(
    (style) => history.match(new RegExp(`Chosen \\d+: a ${style} `, 'g'))?.length ?? 0,
  );
  const style = STYLES[counts.indexOf(Math.max(...counts))]!;
  const scores = responses.map((text) => (text.includes(style) ? 9 : 2));
  return chainText(scores)
    .replace('- Likes what fits.', `- Wants ${style} ${style} ${style} replies above all.`)
    .replace('- Fit (100%)', `- ${style} wording (100%)`);
}
