import { describe, expect, it } from 'vitest';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { resolveModel } from '../../src/model-file/model-file.js';
import { loadNativeBinding } from '../../src/native/load.js';
import type { JudgeInput, Judgment } from '../../src/reward-model/judgment.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';

const MISSING = loadNativeBinding().binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1';

const USERS = ['lists', 'jokes', 'numbers', 'quotes'].map((wish, user) => ({
  id: wish,
  criteria: `Replies with ${wish}, please.`,
  history: Array.from({ length: 3 }, (_, event) => ({
    context: [{ role: 'user' as const, content: `What do I need for trip number ${user * 3 + event}?` }],
    chosen: `- A coat and a map, with ${wish}\n- Boots that are worn in\n- A bottle of water`,
    rejected: `That is a good question, and the answer of course depends on where you go in week ${event}!`,
  })),
}));

/** Rows of all users by turns. */
const ROWS: JudgeInput[] = Array.from({ length: 12 }, (_, index) => ({
  id: `row-${index}`,
  user: USERS[index % USERS.length]!,
  prompt: `How do I clean pan number ${index}?`,
  candidates: [
    '1. Wipe it out while it is warm.\n2. Dry it.',
    'Pans are wonderful to cook with! Just wash it.',
  ],
}));

describe.skipIf(MISSING)('bringing rows of one user together, with the engine', () => {
  it('decodes fewer prompt tokens where idle prompts have little room, and judges the same', async () => {
    const { path } = await resolveModel('nano');
    // Cells for about two users' prompts: with four users by turns each finds its history evicted.
    const generator = await loadNativeGenerator({
      modelPath: path,
      gpu: 'off',
      threads: 1,
      contextTokens: 800,
      maxSequences: 4,
      engine: { kvCells: 1024 },
    });
    await using model = await RewardModel.over(generator);
    const judged = async (reorder: number): Promise<{ decoded: number; judgments: Judgment[] }> => {
      generator.forget!();
      const judgments: Judgment[] = [];
      const options = { temperature: 0, concurrency: 1, maxTokens: 400, reorder };
      for await (const { index, judgment } of model.judgeMany(ROWS, options)) {
        expect(index).toBe(judgments.length);
        judgments.push(judgment!);
      }
      return { decoded: judgments.reduce((sum, { tokens }) => sum + tokens.decodedPrompt, 0), judgments };
    };
    const plain = await judged(1);
    const together = await judged(ROWS.length);
    expect(together.decoded).toBeLessThan(0.75 * plain.decoded);
    // Greedy, and the same as far as arithmetic goes: a prompt decoded in other pieces rounds otherwise.
    for (const [index, judgment] of together.judgments.entries()) {
      const { winner, scores, status, tokens, chains } = plain.judgments[index]!;
      expect(judgment).toMatchObject({
        id: `row-${index}`,
        status: 'scored',
        winner,
        tokens: { prompt: tokens.prompt },
      });
      expect(status).toBe('scored');
      expect(judgment.chains.map(({ seed, order }) => [seed, order])).toEqual(
        chains.map(({ seed, order }) => [seed, order]),
      );
      for (const [at, score] of judgment.scores!.entries())
        expect(Math.abs(score - scores![at]!)).toBeLessThan(1);
    }
  });
});
