// Plans on the portable generator.
import { loadPortableGenerator } from '../../src/generator/portable/portable-generator.js';
import { describePlans } from '../support/plan-suite.js';

describePlans('portable', (modelPath) =>
  loadPortableGenerator({ modelPath, gpu: 'off', threads: 1, maxSequences: 2 }),
);
