// The worker in which a chat template is rendered: the job comes as its data, one answer goes back.
// Knows nothing of limits of time and memory; who starts it sets them.

import { parentPort, workerData } from 'node:worker_threads';
import { messageOf, PgenrmError } from '../errors.js';
import { type ChatTemplateOptions, renderSkeleton } from '../prompt/chat/chat-skeleton.js';

const { source, options } = workerData as { source: string; options: ChatTemplateOptions };

try {
  parentPort?.postMessage({ skeleton: renderSkeleton(source, options) });
} catch (error) {
  const code = error instanceof PgenrmError ? error.code : 'INTERNAL';
  parentPort?.postMessage({ failure: { code, message: messageOf(error) } });
}
