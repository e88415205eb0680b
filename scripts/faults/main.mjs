// The fault campaign: breaks what can break, counts what comes of it, and fails where a promise does not hold.
// `npm run faults` takes minutes; `npm run faults -- --short` under one. `--seed N`, `--only NAME,…`, `--out FILE`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chance, table } from './campaign.mjs';
import { brokenOutput, fullDisk, withoutLinks } from './disks.mjs';
import { bankFlips, chainsFlips } from './flips.mjs';
import { damagedModels, hostileChains, hostileTemplates, hugeLines } from './inputs.mjs';
import { kills } from './kills.mjs';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    out: { type: 'string' },
  },
});
const short = values.short;
const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-faults-'));
const random = chance(Number(values.seed));
const size = (whole, quick) => (short ? quick : whole);

const parts = {
  chains: () => hostileChains({ random, count: size(200_000, 5_000) }),
  templates: () => hostileTemplates({ timeoutMs: size(5_000, 2_000) }),
  models: () => damagedModels({ folder, random, count: size(400, 15) }),
  bank: () => bankFlips({ folder, random, count: size(3_000, 150) }),
  report: () => chainsFlips({ folder, random, count: size(300, 10) }),
  lines: () => hugeLines({ folder, megabytes: size(1_000, 100) }),
  disk: () => fullDisk({ folder, rows: size(18, 6) }),
  links: () => withoutLinks({ folder, rows: size(18, 4) }),
  output: () => brokenOutput(),
  kills: () => kills({ folder, random, count: size(16, 1), rows: size(18, 3) }),
};

const wanted = values.only?.split(',') ?? Object.keys(parts);
const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`there is no part ${unknown.join(', ')}; expected ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}
const tallies = [];
const began = performance.now();
try {
  for (const name of wanted) {
    const since = performance.now();
    const found = [await parts[name]()].flat();
    tallies.push(...found);
    const seconds = ((performance.now() - since) / 1000).toFixed(1);
    console.error(`${name}: ${found.reduce((sum, tally) => sum + tally.tries, 0)} tries in ${seconds} s`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const page = `${table(tallies)}

Seed ${values.seed}, ${short ? 'in short' : 'whole'}, ${((performance.now() - began) / 60_000).toFixed(1)} minutes, Node ${process.version} on ${process.platform}-${process.arch}, ${cpus()[0]?.model.trim() ?? 'an unknown processor'}.
`;
console.log(page);
if (values.out !== undefined) writeFileSync(values.out, page);
const broken = tallies.flatMap((tally) => tally.broken.map((what) => `${tally.fault}: ${what}`));
for (const what of broken.slice(0, 20)) console.error(`BROKEN ${what}`);
process.exitCode = broken.length === 0 ? 0 : 1;
