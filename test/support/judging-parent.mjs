// An application with a judge in a worker: prints the worker's process id, then judges for ever, or once (`once`).
import { JudgeWorker } from '../../dist/api/worker.js';

const worker = new JudgeWorker();
const item = { prompt: 'How do I boil an egg?', candidates: ['- Boil water', 'Eggs are lovely!'] };
const loading = worker.createJudge({ model: 'nano', gpu: 'off', threads: 1 });
console.log(worker.pid);
const judge = await loading;
do await judge.judge(item, { individual: 8, maxTokens: 400 });
while (process.argv[2] !== 'once');
