// The public API: what each entry exports, and that nothing in it needs what is not exported.
import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSurface, type Surface } from './surface.js';

const NOT_BUILT = existsSync('dist/api/index.d.ts') ? null : 'dist is not built';

describe.skipIf(NOT_BUILT !== null)(`the public surface (${NOT_BUILT ?? 'built'})`, () => {
  let surface: Surface;
  beforeAll(() => {
    surface = readSurface();
  }, 60_000);

  it('is what surface.txt lists', async () => {
    const text = surface.entries.map(({ entry, exports }) =>
      [entry, ...exports.map((name) => `  ${name}`)].join('\n'),
    );
    await expect(`${text.join('\n\n')}\n`).toMatchFileSnapshot('surface.txt');
  });

  it('has the entries that package.json names', () => {
    expect(surface.entries.map(({ entry }) => entry)).toEqual([
      'pgenrm',
      'pgenrm in a browser',
      'pgenrm/eval',
      'pgenrm/bank',
      'pgenrm/worker',
      'pgenrm/kernels',
      'pgenrm/testing',
    ]);
  });

  it('exports every type that its declarations mention', () => {
    expect(surface.missing).toEqual([]);
  });

  it('mentions no type of another package', () => {
    expect(surface.foreign).toEqual([]);
  });

  it('has no option that cannot cross a process boundary', () => {
    expect(surface.members.has('individual')).toBe(true);
    expect(['analysisTurn', 'renderChatTemplate'].filter((name) => surface.members.has(name))).toEqual([]);
  });

  it('judges, ranks and closes with what the entries export', async () => {
    const { RewardModel } = await import('../../src/api/index.js');
    const { FakeGenerator } = await import('../../src/api/testing.js');
    const model = await RewardModel.over(new FakeGenerator());
    const input = { prompt: 'Which?', candidates: ['aaaa', 'aaaaaaa', 'a'] };
    expect((await model.judge(input)).winner).toBe(1);
    expect((await model.rank(input)).ranked.map(({ index }) => index)).toEqual([1, 0, 2]);
    expect((await model.bestOfN(input)).best?.candidate).toBe('aaaaaaa');
    await model.close();
  });
});
