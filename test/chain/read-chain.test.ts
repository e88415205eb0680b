import { describe, expect, it } from 'vitest';
import { readChain } from '../../src/chain/read-chain.js';
import { OWN_CHAINS } from './own-chains.js';
import { writeChain, writeRationale } from './write-chain.js';

describe('readChain on chains of our own', () => {
  it.each(OWN_CHAINS.map((own) => [own.name, own] as const))('%s', (_name, own) => {
    const chain = readChain(own.text, { responses: own.responses ?? 2 });
    expect(chain.lost).toBe(own.lost);
    expect(chain.usable).toBe(own.lost === undefined);
    expect(chain.responses).toHaveLength(own.responses ?? 2);
    const of = <K extends keyof (typeof chain.responses)[number]>(key: K) =>
      chain.responses.map((r) => r[key]);
    if (own.scores !== undefined) expect(of('score')).toEqual(own.scores);
    if (own.stated !== undefined) expect(of('stated')).toEqual(own.stated);
    if (own.recomputed !== undefined) expect(of('recomputed')).toEqual(own.recomputed);
    if (own.criterionScores !== undefined) expect(of('criterionScores')).toEqual(own.criterionScores);
    if (own.inconsistent !== undefined) expect(of('inconsistent')).toEqual(own.inconsistent);
    if (own.weights !== undefined) expect(chain.rubric.map((c) => [c.name, c.weight])).toEqual(own.weights);
    if (own.recovered !== undefined) {
      const marks = own.text.includes('<JSON_START>') ? [] : ['noStartMarker'];
      const ends = own.text.includes('<JSON_END>') ? [] : ['noEndMarker'];
      expect(new Set(chain.recovered)).toEqual(new Set([...own.recovered, ...marks, ...ends]));
    }
  });
});

const MODEL = {
  criteria: [
    { name: 'Warmth', weight: 60 },
    { name: 'Order', weight: 40 },
  ],
  scores: [
    [9, 4],
    [3, 8],
  ],
};

describe('part 1', () => {
  it('gives the persona and the whole analysis', () => {
    const chain = readChain(writeChain({ ...MODEL, persona: '- Short.\n- Dry.' }), { responses: 2 });
    expect(chain.personaText).toBe('- Short.\n- Dry.');
    expect(chain.analysisText).toMatch(/^PART 1: .*\n[\s\S]*Order \(40%\): it matters to this user\.$/);
    expect(chain.weightSum).toBe(100);
  });

  it('leaves out what stands before the last part 1', () => {
    const chain = readChain(`<think>PART 1 comes first.</think>\nSure!\n${writeChain(MODEL)}`, {
      responses: 2,
    });
    expect(chain.analysisText).toMatch(/^PART 1: Chain/);
  });

  it('reads headings in bold and part 1 of a chain without part 2', () => {
    const text =
      '## **PART 1: Analysis**\n**1. User Preference Synthesis**\nLikes tea.\n**2. Personalized Scoring Model Derivation**\n- Tea (100%): yes';
    const chain = readChain(text, { responses: 2 });
    expect(chain).toMatchObject({ usable: false, lost: 'noJson', personaText: 'Likes tea.' });
    expect(chain.rubric).toEqual([{ name: 'Tea', weight: 100 }]);
  });

  it('takes text without headings as persona', () => {
    const chain = readChain(
      'Likes tea.\n<JSON_START>{"better_response": {"response_1": 2, "response_2": 3}}<JSON_END>',
      {
        responses: 2,
      },
    );
    expect(chain).toMatchObject({ usable: true, personaText: 'Likes tea.', analysisText: 'Likes tea.' });
  });
});

describe('very long texts', () => {
  const cases: [string, string][] = [
    ['a long reason', writeChain({ ...MODEL, reasons: [`so "${'very '.repeat(200_000)}" long`] })],
    [
      'a long broken reason',
      writeChain({ ...MODEL, reasons: ['x'] }).replace('- x', `- "${'very "'.repeat(170_000)}`),
    ],
    ['a long persona', writeChain({ ...MODEL, persona: '- trait (and more)\n'.repeat(50_000) })],
  ];
  it.each(cases)('reads %s of about a megabyte', (_name, text) => {
    expect(text.length).toBeGreaterThan(900_000);
    const chain = readChain(text, { responses: 2 });
    expect(chain.responses.map((response) => response.score)).toEqual([7, 5]);
  });

  const hostile: [string, string][] = [
    ['white space', ' '.repeat(1_000_000)],
    ['line feeds after the marker', `<JSON_START>{${'\n'.repeat(1_000_000)}`],
    ['open braces', '{'.repeat(1_000_000)],
    ['start markers', '<JSON_START>{"rationale": "'.repeat(40_000)],
    ['end markers', `<JSON_START>${'<JSON_END>'.repeat(100_000)}`],
    ['keys', `<JSON_START>{${'"better_response": {"response_1": '.repeat(30_000)}`],
    ['escaped keys', `<JSON_START>{"rationale": "${'\\"better_response\\" '.repeat(50_000)}`],
    ['backslashes', `<JSON_START>{"rationale": "${'\\'.repeat(1_000_000)}`],
    ['digits', `<JSON_START>{"better_response": {"response_1": ${'9'.repeat(1_000_000)}`],
    ['response headings', `<JSON_START>{"rationale": "${'Response 1:\\n1. A: 5/10\\n'.repeat(40_000)}"}`],
    ['criteria', `<JSON_START>{"rationale": "${'1. A - 5%\\n'.repeat(90_000)}"}`],
    ['stars', `PART 1\n${'*'.repeat(1_000_000)}\nPART 2\n${'*'.repeat(100)}`],
    ['one line of percents', `<JSON_START>{"rationale": "1. ${'a - 5%, '.repeat(120_000)}"}<JSON_END>`],
    [
      'a rationale of spaces',
      `<JSON_START>{"rationale": "${' '.repeat(1_000_000)}\\nFinal Score ${' '.repeat(100_000)}"}`,
    ],
    ['headings', 'PART 1\nPART 2\n'.repeat(70_000)],
    [
      'equals signs',
      `<JSON_START>{"rationale": "Response 1:\\nFinal Score ${'= '.repeat(400_000)}"}<JSON_END>`,
    ],
  ];
  it.each(hostile)('comes through a megabyte of %s without a score', (_name, text) => {
    const chain = readChain(text, { responses: 2 });
    expect(chain.usable).toBe(false);
    expect(chain.responses.map((response) => response.score)).toEqual([null, null]);
  });
});

describe('prefer', () => {
  it('takes one kind of score for all responses: the preferred one only where each of them has it', () => {
    const rationale = writeRationale(MODEL).replaceAll(/^Final Score.*$/gm, '');
    const text = `<JSON_START>{"rationale": ${JSON.stringify(rationale)}, "better_response": {"response_1": 8}}<JSON_END>`;
    const stated = readChain(text, { responses: 2, prefer: 'stated' });
    expect(stated.responses.map((response) => response.score)).toEqual([7, 5]);
    const recomputed = readChain(text, { responses: 2, prefer: 'recomputed' });
    expect(recomputed.responses.map((response) => response.score)).toEqual([7, 5]);
  });
});
