import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type EvaluationChain, readChain } from '../../src/chain/read-chain.js';

interface PublicCase {
  readonly id: string;
  readonly responses: number;
  readonly text: string;
  readonly want: readonly string[];
  readonly also?: string;
}

const file = resolve('../shared/cases/chains.jsonl');
const present = existsSync(file);
const cases: PublicCase[] = present
  ? readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as PublicCase)
  : [];

function said(chain: EvaluationChain): string {
  return chain.usable ? chain.responses.map((response) => response.score).join(',') : 'lost';
}

describe.skipIf(!present)(
  `chains of public kinds${present ? '' : ' (skipped: ../shared/cases is absent)'}`,
  () => {
    it('are all there', () => {
      expect(cases).toHaveLength(113);
    });

    it.each(cases.map((publicCase) => [publicCase.id, publicCase] as const))(
      '%s',
      (_id, { text, responses, want, also }) => {
        const chain = readChain(text, { responses });
        expect(want.map((one) => one.replace('recomputed ', ''))).toContain(said(chain));
        if (also === undefined) return;
        const [what, value] = also.split(':') as [string, string];
        if (what === 'persona-no') expect(chain.personaText).not.toContain(value);
        else if (what === 'analysis-no') expect(chain.analysisText).not.toContain(value);
        else if (what === 'weights') expect(chain.rubric.map(({ weight }) => weight).join()).toBe(value);
        else throw new Error(`expected a check that this test knows, got ${what}`);
      },
    );
  },
);
