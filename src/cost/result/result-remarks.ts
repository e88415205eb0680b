// What has to be known before a bench's figures are read: machine, model, data, and how quiet the machine was.
// Knows a result; its figures are `result-tables.ts`.

import { percent } from '../../evaluation/report/report.js';
import { ratioText } from '../../statistics/ratio.js';
import type { ScalingResult } from './result.js';

/** The share of the machine's time from which on what others did is worth a warning. */
const NOISY = { drift: 0.05, steal: 0.01, other: 0.05, load: 0.5 };

/** What has to be known before the figures are read. */
export function resultRemarks(result: ScalingResult): string[] {
  const { header, noise, rounds, measuring } = result;
  const { identity, machine, model } = header;
  const { kind, backend, engine, version, samplesAtOnce, threads, contextTokens } = identity.generator;
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${machine.platform}, Node ${machine.node}; GPU: ${identity.machine.gpus}${header.driver === null ? '' : `, driver ${header.driver}`}`,
    `${rounds.whole} of ${rounds.asked} rounds in random order, each with the model loaded anew, ${result.seconds.toFixed(0)} s measured${result.sessions === 1 ? '' : ` in ${result.sessions} sessions`}, warm-up left out`,
  ];
  if (model.note !== null) lines.push(`! ${model.note}`);
  if (result.status !== 'finished')
    lines.push(`! the bench ended early (${result.status}); --resume goes on with it`);
  if (noise.drift !== null)
    lines.push(
      `${warn(Math.abs(noise.drift - 1) > NOISY.drift)}drift: the later rounds took ${noise.drift.toFixed(3)} times the earlier ones`,
    );
  else lines.push('drift cannot be told from fewer than four rounds');
  if (noise.stealShare !== null)
    lines.push(
      `${warn((noise.mostStealShare ?? 0) > NOISY.steal)}steal time: ${percent(noise.stealShare)}% of the processor time, at most ${percent(noise.mostStealShare)}% in a block`,
    );
  if (noise.otherWorkShare !== null)
    lines.push(
      `${warn(noise.otherWorkShare > NOISY.other || noise.load > NOISY.load)}other work on this machine: ${percent(noise.otherWorkShare)}% of its processor time, load ${noise.load.toFixed(2)} at the start`,
    );
  const failed = result.variants.reduce((total, variant) => total + variant.failed, 0);
  if (failed > 0) lines.push(`! ${failed} judgments met an error of their row and are in no figure`);
  lines.push(
    ...accuracyRemarks(result),
    `keeping accounts took ${percent(measuring.share, 3)}% of what was measured${measuring.meteredOverBare === null ? '' : `; with accounts over without: ${ratioText(measuring.meteredOverBare, 3)}`}`,
    `${engine} ${version}${header.libraryHash === null ? '' : ` (libllama ${header.libraryHash})`}, ${kind} generator on ${backend}, ${samplesAtOnce} rows at once, ${threads ?? 'untold'} threads, context ${contextTokens}`,
    `model ${model.description}, SHA-256 ${identity.model.sha256 ?? 'unknown'}; template ${identity.template.name} (${identity.template.hash.slice(0, 16)})`,
    `data SHA-256 ${identity.data.fingerprint}, ${identity.data.rows} rows; bank ${identity.bank.checksum ?? 'none'}`,
  );
  // What speaks against the figures stands first.
  return [...lines.filter(isWarning), ...lines.filter((line) => !isWarning(line))];
}

const isWarning = (line: string): boolean => line.startsWith('! ');

/** Where accuracies come from, and which levels have none. */
function accuracyRemarks({ variants }: ScalingResult): string[] {
  const files = new Map(
    variants.flatMap(({ accuracy }): [string, string | null][] =>
      // Older results name the file without its hash.
      accuracy === null || accuracy.from === 'bench' ? [] : [[accuracy.from, accuracy.sha256 ?? null]],
    ),
  );
  const without = variants.filter(({ accuracy }) => accuracy === null).map(({ name }) => name);
  const unread = variants.filter(({ usedChains }) => usedChains.value === 0).map(({ name }) => name);
  return [
    ...(unread.length > 0 ? [`! no chain could be read of ${unread.join('; ')}`] : []),
    ...[...files].map(
      ([from, sha256]) =>
        `accuracies: those of the evaluation ${from}${sha256 === null ? '' : `, SHA-256 ${sha256.slice(0, 16)}`}`,
    ),
    ...(files.size > 0 && without.length > 0
      ? [`the evaluation has no accuracy of ${without.join('; ')}`]
      : []),
  ];
}

const warn = (noisy: boolean): string => (noisy ? '! ' : '');
