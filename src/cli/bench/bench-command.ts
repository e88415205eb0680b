// `pgenrm bench`: the group of `scaling`, `predict`, `compare` and `table`, and the three that need no model.
// Knows the command line and results; not how a result comes about.

import type { Command } from 'commander';
import { agreement, compareResults, comparisonTable } from '../../cost/result/compare-results.js';
import { predictionText, predictLevel } from '../../cost/result/predict.js';
import { readResult } from '../../cost/result/read-result.js';
import { shortMarkdown } from '../../cost/result/write-result.js';
import { percent } from '../../evaluation/report/report.js';
import { harmless, terminalTable } from '../../report/table.js';
import type { CommandContext } from '../command-context.js';
import { addFlags } from '../options/add-flags.js';
import { DEFAULT_RESULT } from '../options/table/bench-flags.js';
import type { FlagValues } from '../options/table/table.js';
import { mayColour } from '../terminal/console-streams.js';
import { EXIT } from '../terminal/exit-code.js';
import { type BenchHost, benchScalingCommand } from './bench-scaling.js';

const PREDICT_FLAGS = ['ind', 'pro', 'predict:workers', 'predict:from', 'json'] as const;
const COMPARE_FLAGS = ['all', 'json'] as const;

/** Adds `pgenrm bench`. */
export function benchCommand(program: Command, context: CommandContext, host?: BenchHost): void {
  const group = program.command('bench').description('Measures, predicts and compares what judgments cost.');
  benchScalingCommand(group, context, host);
  const predict = group
    .command('predict')
    .description(
      'What a level would cost, by a regression over measured levels, with its error on levels left out.',
    );
  addFlags(predict, PREDICT_FLAGS).action(
    async ({ ind, pro, workers, from = [DEFAULT_RESULT], json }: FlagValues<typeof PREDICT_FLAGS>) => {
      const prediction = predictLevel(await Promise.all(from.map(readResult)), {
        level: { individual: ind, prototype: pro },
        ...(workers === undefined ? {} : { workers }),
      });
      context.out.write(
        json ? `${JSON.stringify(prediction, null, 2)}\n` : `${harmlessLines(predictionText(prediction))}\n`,
      );
      context.end(EXIT.ok);
    },
  );
  const compare = group
    .command('compare')
    .description('What changed between two results, and whether it is more than noise.')
    .argument('<first>', 'result.json')
    .argument('<second>', 'result.json');
  addFlags(compare, COMPARE_FLAGS).action(
    async (first: string, second: string, options: FlagValues<typeof COMPARE_FLAGS>) => {
      const comparison = compareResults(await readResult(first), await readResult(second));
      if (options.json)
        context.out.write(
          `${JSON.stringify({ ...comparison, agreement: agreement(comparison) }, null, 2)}\n`,
        );
      else context.out.write(comparisonText(comparison, options.all === true, mayColour(context.out)));
      context.end(EXIT.ok);
    },
  );
  group
    .command('table')
    .description('The table of levels as Markdown, for a README.')
    .argument('<result>', 'result.json')
    .action(async (path: string) => {
      context.out.write(shortMarkdown(await readResult(path)));
      context.end(EXIT.ok);
    });
}

const harmlessLines = (text: string): string => text.split('\n').map(harmless).join('\n');

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
