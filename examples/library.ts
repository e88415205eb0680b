// Judges two replies for one user with the bundled model.
// Run it after `npm run build` with: npx tsc examples/library.ts, or copy it into a project that has pgenrm.

import { RewardModel, type User } from 'pgenrm';

const user: User = {
  criteria: 'Lists and numbered steps, please. No small talk.',
  history: [
    {
      context: [{ role: 'user', content: 'What should I pack for a weekend by the sea?' }],
      chosen: '- Rain jacket\n- Swimwear and a towel\n- Sun cream',
      rejected: 'You will mostly want layers, because the weather turns quickly there!',
    },
  ],
};

await using model = await RewardModel.load({ model: 'nano' });
const judgment = await model.judge(
  {
    user,
    prompt: 'How do I clean a cast iron pan?',
    candidates: [
      'Cast iron is wonderful to cook with! Wipe the pan out while it is warm and rub in a little oil.',
      '1. Wipe it out while it is warm.\n2. Scrub it with salt.\n3. Dry it.\n4. Rub in a film of oil.',
    ],
  },
  { individual: 8, seed: 1 },
);

console.log(judgment.status, judgment.scores, judgment.winner);
console.log(judgment.chains[0]?.reading.personaText);
console.log(`${judgment.usable} usable chains, lost:`, judgment.lost);
