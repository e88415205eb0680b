// LaMP-QA and Personalized-RewardBench: a question, the posts its asker wrote earlier, two answers.
// The answer key (`rubric_aspects`, `narrative`) is not among the fields that are read.

import type { RawRow } from './fields.js';
import { describe, isAbsent, isRawRow, misfit } from './fields.js';
import type { Format, RowDraft } from './format.js';
import { COMMON_FIELDS, hasReplies, readExchangeRow } from './format.js';

/** Posts of a profile that are given to the model: those nearest to the question. */
export const PROFILE_POSTS = 8;
/** Characters of a post that are given to the model. */
export const PROFILE_POST_CHARACTERS = 600;

interface Post {
  readonly text: string;
  readonly category: string | undefined;
}

function postsOf(row: RawRow): readonly Post[] {
  if (isAbsent(row.profile)) return [];
  if (!Array.isArray(row.profile)) misfit(`profile: expected a list of posts, came ${describe(row.profile)}`);
  return row.profile.flatMap((post: unknown, index) => {
    if (!isRawRow(post) || typeof post.text !== 'string') {
      return misfit(`profile[${index}]: expected {id, category, text}, came ${describe(post)}`);
    }
    const category = typeof post.category === 'string' ? post.category : undefined;
    return post.text.trim() === '' ? [] : [{ text: post.text.trim(), category }];
  });
}

function wordsOf(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? []);
}

/**
 * The posts nearest to a question, in the order of the profile: shared words weighted by how rare they are in
 * the profile, divided by the root of the post's length; equal ones by position.
 */
function nearestPosts(posts: readonly Post[], question: string): readonly Post[] {
  if (posts.length <= PROFILE_POSTS) return posts;
  const query = wordsOf(question);
  const words = posts.map((post) => wordsOf(post.text));
  const holders = new Map<string, number>();
  for (const set of words) for (const word of set) holders.set(word, (holders.get(word) ?? 0) + 1);
  const near = words.map((set, index) => {
    let weight = 0;
    for (const word of query) {
      if (set.has(word)) weight += Math.log(1 + posts.length / (holders.get(word) ?? 1));
    }
    return { index, weight: weight / Math.sqrt(set.size + 1) };
  });
  return near
    .sort((a, b) => b.weight - a.weight || a.index - b.index)
    .slice(0, PROFILE_POSTS)
    .sort((a, b) => a.index - b.index)
    .flatMap(({ index }) => posts[index] ?? []);
}

/** The start of a text, cut between characters and marked where it was cut. */
function startOf(text: string): string {
  const flat = text.replace(/\s+/gu, ' ');
  const characters = [...flat];
  if (characters.length <= PROFILE_POST_CHARACTERS) return flat;
  return `${characters.slice(0, PROFILE_POST_CHARACTERS).join('')} ...`;
}

function readQuestion(row: RawRow): readonly RowDraft[] {
  const draft = readExchangeRow(row, ['question']);
  const posts = nearestPosts(postsOf(row), draft.context.at(-1)?.content ?? '');
  if (posts.length === 0) return [draft];
  const lines = posts.map(({ text, category }) => `- ${category ? `[${category}] ` : ''}${startOf(text)}`);
  return [{ ...draft, writings: ['Posts that this user wrote earlier:', ...lines].join('\n') }];
}

/**
 * LaMP-QA: `question`, `profile` of posts {id, category, text}, `chosen`, `rejected`.
 * A profile holds writing and no choices, so it is no history of pairs: the {@link PROFILE_POSTS} posts nearest
 * to the question, {@link PROFILE_POST_CHARACTERS} characters of each, stand in the user's criteria.
 */
export const lampQa: Format = {
  name: 'lamp-qa',
  fields: [...COMMON_FIELDS, 'question', 'profile'],
  needs: 'question, profile, chosen, rejected',
  fits: (row) => !isAbsent(row.question) && !isAbsent(row.profile) && hasReplies(row),
  read: readQuestion,
};
