// What a CommonJS user writes first.
const { RewardModel } = require('pgenrm');

async function main() {
  const model = await RewardModel.load({ model: 'nano' });
  const judgment = await model.judge(
    {
      user: { criteria: 'Lists and numbered steps, please. No small talk.', history: [] },
      prompt: 'How do I clean a cast iron pan?',
      candidates: [
        '1. Wipe it out while it is warm.\n2. Dry it.\n3. Rub in a film of oil.',
        'Cast iron is wonderful to cook with!',
      ],
    },
    { individual: 4, seed: 1 },
  );
  await model[Symbol.asyncDispose]();
  console.log(
    `winner ${judgment.winner === null ? 'none' : judgment.winner + 1} of ${judgment.scores.length}`,
  );
}

main();
