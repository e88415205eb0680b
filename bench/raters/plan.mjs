// Which rows of real raters are judged, and how: fixed before any judge was run. The rows are a rule, not a list: the first row of
// each user, drawn by the SHA-256 of their ids (`--sample`), so that every judge judges the same ones and more only add to them.

/** Sets of real raters under the data folder, and how much of a history every arm shows where the judge has no setting of its own. */
export const SETS = {
  polis: ['--history-events', '4'],
  rag: ['--history-budget', '800'],
};

/** Judges: `nano`, which is bundled, on all raters; any other model, which costs far more, on a part of them. */
const NANO = { model: 'nano', rows: {}, shown: { rag: ['--history-events', '4'] }, words: [] };
const OTHER = {
  rows: { polis: 100, rag: 60 },
  shown: {},
  // One criterion of the plan's, for models that were not trained on the form; few rows at once, so that a spell loses few.
  words: ['--criteria', 'Fit with what this person chose before=100', '--concurrency', '4'],
};

const COMMON = [
  ...['--control', 'swapped,none', '--levels', 'ind-2', '--ties', 'half'],
  ...['--rows-per-user', '1', '--decoding', 'guided'],
];

/**
 * The words of `pgenrm eval` for one judge on one set. `options`: `data` (folder of the sets), `out`, `model` for a judge other than
 * nano, and `rows` in place of the plan's; `more`: further words for pgenrm eval, such as `--threads 1`.
 */
export function wordsOf(judge, set, { data, out, model, rows }, more = []) {
  const plan = judge === 'nano' ? NANO : OTHER;
  const sample = rows ?? plan.rows[set];
  return [
    ...['eval', `${data}/${set}/pairs.jsonl.gz`, '--users', `${data}/${set}/users.jsonl.gz`],
    ...COMMON,
    ...(plan.shown[set] ?? SETS[set]),
    ...(sample === undefined ? [] : ['--sample', `${sample}`]),
    ...plan.words,
    ...['--model', model ?? plan.model, '--out', `${out}/${set}-${judge}`, '--resume'],
    ...more,
  ];
}
