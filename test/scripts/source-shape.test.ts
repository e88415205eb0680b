import { describe, expect, it } from 'vitest';
// @ts-expect-error a script without types
import * as shape from '../../scripts/source-shape.mjs';

const { circleProblems, circlesOf, crowdProblems, entryProblems, nodeProblems } = shape;
const sources = (files: Readonly<Record<string, string>>) => new Map(Object.entries(files));

describe('the shape of the sources', () => {
  const ring = sources({
    'a/one.ts': "import { two } from './two.js';",
    'a/two.ts': "import type { Three } from '../b/three.js';",
    'b/three.ts': "export { one } from '../a/one.js';\nimport { apart } from './apart.js';",
    'b/apart.ts': "import 'node:fs';",
  });

  it('finds files that import each other in a circle, types and re-exports with them', () => {
    expect(circlesOf(ring)).toEqual([['a/one.ts', 'a/two.ts', 'b/three.ts']]);
    expect(circlesOf(sources({ 'a/one.ts': "import './two.js';", 'a/two.ts': '' }))).toEqual([]);
    const two = sources({
      'a/x.ts': "import './y.js';",
      'a/y.ts': "import './x.js';",
      'b/z.ts': "const late = await import('../b/w.js');",
      'b/w.ts': "import './z.js'; import '../a/x.js';",
    });
    expect(circlesOf(two)).toEqual([
      ['a/x.ts', 'a/y.ts'],
      ['b/w.ts', 'b/z.ts'],
    ]);
    // A folder that still has circles may have them within, and leaves the list with its last one.
    expect(circleProblems(two, ['a'])).toEqual([expect.stringContaining('src/b/w.ts, src/b/z.ts')]);
    expect(circleProblems(two, ['a', 'b', 'c'])).toEqual([
      expect.stringMatching(/src\/c has no circle any more/),
    ]);
    expect(circleProblems(ring, ['a', 'b'])).toHaveLength(3);
  });

  it('finds what an entry for browsers loads beside the package and what is allowed', () => {
    const entry = sources({
      'api/page.ts':
        "import type { A } from '../node/a.js';\nimport { type B, b } from '../b/b.js';\nexport * from '../b/c.js';",
      'b/b.ts':
        "import {\n  type D,\n  type E,\n} from 'types-only';\nconst late = await import('@big/engine');",
      'b/c.ts': "import 'side-effect';\nimport { sha } from '@noble/hashes/sha2.js';",
      'node/a.ts': "import fs from 'node:fs';",
    });
    expect(entryProblems(entry, 'api/page.ts', ['@noble/hashes'])).toEqual([
      'a browser cannot load @big/engine: src/api/page.ts loads src/b/b.ts loads it',
      'a browser cannot load side-effect: src/api/page.ts loads src/b/c.ts loads it',
    ]);
    expect(entryProblems(entry, 'api/page.ts', ['@noble/hashes', '@big/engine', 'side-effect'])).toEqual([]);
    expect(entryProblems(entry, 'node/a.ts', [])).toHaveLength(1);
  });

  it('finds what a browser does not have', () => {
    const wish = { folders: ['b'], except: ['b/native'], allowed: [] as string[] };
    expect(nodeProblems(ring, wish)).toEqual([expect.stringMatching(/src\/b\/apart.ts imports node:/)]);
    expect(nodeProblems(ring, { ...wish, allowed: ['b/apart.ts'] })).toEqual([]);
    expect(nodeProblems(ring, { ...wish, except: ['b'] })).toEqual([]);
    expect(nodeProblems(ring, { ...wish, allowed: ['b/apart.ts', 'b/three.ts'] })).toEqual([
      expect.stringMatching(/src\/b\/three.ts imports nothing of Node any more/),
    ]);
  });

  it('finds folders with more than 14 files at one level', () => {
    const files = (count: number) =>
      sources(Object.fromEntries(Array.from({ length: count }, (_, index) => [`a/f${index}.ts`, ''])));
    expect(crowdProblems(files(14), [])).toEqual([]);
    expect(crowdProblems(files(15), [])).toEqual([expect.stringMatching(/src\/a shows 15 files/)]);
    expect(crowdProblems(files(15), ['a'])).toEqual([]);
    expect(crowdProblems(files(14), ['a'])).toEqual([
      expect.stringMatching(/src\/a is not crowded any more/),
    ]);
  });
});
