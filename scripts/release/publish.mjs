// `node scripts/release/publish.mjs PACKS [--dry-run]`: publishes the tarballs with provenance, the platforms' first, so that nobody
// installs a package whose parts are not there yet. Checks them against SHA256SUMS before the first one goes out.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const [packs, dryRun] = process.argv.slice(2);
if (packs === undefined) {
  console.error('publish: name the folder of the tarballs');
  process.exit(2);
}
const files = readFileSync(path.join(packs, 'SHA256SUMS'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split('  '));
for (const [sha256, name] of files) {
  const found = createHash('sha256')
    .update(readFileSync(path.join(packs, name)))
    .digest('hex');
  if (found !== sha256) throw new Error(`${name} is not the file that SHA256SUMS names`);
}
// SHA256SUMS lists the platforms before the package itself.
for (const [, name] of files) {
  const flags = dryRun === '--dry-run' ? ['--dry-run'] : ['--provenance'];
  execFileSync('npm', ['publish', path.join(packs, name), '--access', 'public', ...flags], {
    stdio: 'inherit',
  });
}
