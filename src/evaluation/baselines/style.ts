// The style of a text as sixteen numbers: what can be told of a reply without understanding it.
// Knows words and marks; nothing of users.

const HEDGES = words(
  'maybe perhaps might may could seem seems seemed likely possibly probably generally often usually sometimes somewhat rather arguably suggest suggests appear appears think believe guess',
);
const FIRST = words("i me my mine we us our ours i'm i've i'd i'll we're we've");
const SECOND = words("you your yours you're you've");

/** Names of the features, in the order of {@link styleOf}. */
export const STYLE_FEATURES = [
  ...['words', 'bullets', 'lines', 'sentence length', 'exclamations', 'questions', 'first person'],
  ...['second person', 'hedges', 'digits', 'word length', 'variety', 'capitals', 'commas'],
  ...['begins small', 'quotes'],
] as const;

/** Shape [16]: counts on the log scale, the others as shares of words or characters. */
export function styleOf(text: string): Float64Array {
  const found = text.match(/[A-Za-z']+/g) ?? [];
  const small = found.map((word) => word.toLowerCase());
  const n = Math.max(1, found.length);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const count = (pattern: RegExp): number => text.match(pattern)?.length ?? 0;
  const share = (set: ReadonlySet<string>): number => small.filter((word) => set.has(word)).length / n;
  const sentences = Math.max(1, count(/[.!?]+(?:\s|$)/g));
  const characters = Math.max(1, [...text].length);
  return Float64Array.of(
    Math.log(n + 1),
    Math.log(lines.filter((line) => /^\s*(?:[-*+]|\d+[.)])\s/.test(line)).length + 1),
    Math.log(lines.length + 1),
    Math.log(n / sentences + 1),
    Math.log(count(/!/g) + 1),
    Math.log(count(/\?/g) + 1),
    share(FIRST),
    share(SECOND),
    share(HEDGES),
    count(/\p{Nd}/gu) / characters,
    found.reduce((sum, word) => sum + word.length, 0) / n,
    new Set(small).size / n,
    found.filter((word) => word.length > 1 && /[A-Z]/.test(word) && word === word.toUpperCase()).length / n,
    count(/,/g) / n,
    /^\p{Ll}/u.test(text) ? 1 : 0,
    count(/"/g) / n,
  );
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.split(' '));
}
