// `pgenrm bench`: the group of `scaling`, `compare` and `table`, and the two that need no model.
// Knows the command line and results; not how a result comes about.

import type { Command } from 'commander';
import { agreement, compareResults, comparisonTable } from '../cost/result/compare-results.js';
import { readResult } from '../cost/result/read-result.js';
import { shortMarkdown } from '../cost/result/write-result.js';
import { percent } from '../evaluation/report.js';
import { harmless, terminalTable } from '../report/table.js';
import { type BenchHost, benchScalingCommand } from './bench-scaling.js';
import { mayColour } from './console-streams.js';
import { EXIT } from './exit-code.js';
import type { CommandContext } from './run-cli.js';

/** Adds `pgenrm bench`. */
export function benchCommand(program: Command, context: CommandContext, host?: BenchHost): void {
  const group = program.command('bench').description('Measures and compares what judgments cost.');
  benchScalingCommand(group, context, host);
  group
    .command('compare')
    .description('What changed between two results, and whether it is more than noise.')
    .argument('<first>', 'result.json')
    .argument('<second>', 'result.json')
    .option('--all', 'list the figures that did not change, too')
    .option('--json', 'print JSON')
    .action(async (first: string, second: string, options: { all?: true; json?: true }) => {
      const comparison = compareResults(await readResult(first), await readResult(second));
      if (options.json)
        context.out.write(
          `${JSON.stringify({ ...comparison, agreement: agreement(comparison) }, null, 2)}\n`,
        );
      else context.out.write(comparisonText(comparison, options.all === true, mayColour(context.out)));
      context.end(EXIT.ok);
    });
  group
    .command('table')
    .description('The table of levels as Markdown, for a README.')
    .argument('<result>', 'result.json')
    .action(async (path: string) => {
      context.out.write(shortMarkdown(await readResult(path)));
      context.end(EXIT.ok);
    });
}

function comparisonText(
  comparison: ReturnType<typeof compareResults>,
  all: boolean,
  colour: boolean,
): string {
  const { conditions, onlyFirst, onlySecond } = comparison;
  const { told, agree, inside } = agreement(comparison);
  const table = comparisonTable(comparison, all);
  const lines = [
    `${agree} of ${told} figures agree within their intervals${told === 0 ? '' : ` (${percent(agree / told)}%)`}; of these figures the second lies in the first's own interval in ${inside}`,
    ...(onlyFirst.length === 0 ? [] : [`only in the first: ${onlyFirst.join('; ')}`]),
    ...(onlySecond.length === 0 ? [] : [`only in the second: ${onlySecond.join('; ')}`]),
    // What differs bears on every figure: it stands last, where it is read.
    ...(conditions.length === 0
      ? ['measured under the same conditions']
      : ['! measured under other conditions:', ...conditions.map((one) => `!   ${one}`)]),
  ];
  const shown = table.rows.length === 0 ? [] : [terminalTable(table, colour)];
  return `${[...shown, ...lines.map(harmless)].join('\n')}\n`;
}
