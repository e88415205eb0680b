import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

/** What the package gives to somebody who imports it under conditions. */
function imported(...conditions: string[]): { url: string; names: string[] } {
  const script =
    "const it = await import('pgenrm'); console.log(JSON.stringify({ url: import.meta.resolve('pgenrm'), names: Object.keys(it) }))";
  const flags = conditions.map((condition) => `--conditions=${condition}`);
  const answer = execFileSync(process.execPath, [...flags, '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  return JSON.parse(answer);
}

describe('the entry for browsers (built)', () => {
  it('is what the condition browser gives, and loads', () => {
    const { url, names } = imported('browser');
    expect(url).toMatch(/\/dist\/api\/browser\.js$/);
    expect(names).toEqual(
      expect.arrayContaining(['RewardModel', 'loadBrowserGenerator', 'readChain', 'readRows']),
    );
    expect(names).not.toContain('loadGenerator');
  });

  it('is not what Node gets', () => {
    const { url, names } = imported();
    expect(url).toMatch(/\/dist\/api\/index\.js$/);
    expect(names).toContain('loadGenerator');
  });
});
