// The child process in which doctor loads a model: what it was told to do comes on standard input, what it found goes out.
// Knows the generator's own account; llama.cpp may end this process, and the parent then says so.

import { text } from 'node:stream/consumers';
import { messageOf, PgenrmError } from '../errors.js';
import { type LoadGeneratorOptions, loadGenerator } from '../generator/choose.js';
import { llamaDetails } from '../generator/llama/llama-info.js';
import { nativeDetails } from '../generator/native/native-info.js';
import type { LoadedGenerator } from './diagnosis.js';

/** What the child answers, as one line of JSON. */
export type TrialAnswer =
  | { readonly loaded: LoadedGenerator }
  | { readonly failure: { readonly code: string; readonly message: string } };

async function trial(options: LoadGeneratorOptions): Promise<LoadedGenerator> {
  const start = performance.now();
  const generator = await loadGenerator(options);
  try {
    const { backend, devices, contextTokens, samplesAtOnce, choices } = generator.info;
    const { description } = generator.model;
    const loadMs = performance.now() - start;
    // Some files end the process only once a text is read or the model computes: every byte of ASCII, one token.
    const ascii = String.fromCharCode(...Array.from({ length: 127 }, (_, code) => code + 1));
    const prompt = [{ text: `${ascii}\u00e9\u4e2d`, trusted: false }];
    const sampling = { temperature: 0, topP: 1, minP: 0 };
    await generator.generate({ prompt, seeds: [0], sampling, maxTokens: 1 });
    const threads = llamaDetails(generator.info)?.threads ?? null;
    const kvCache = nativeDetails(generator.info)?.kvCache ?? null;
    const sizes = { contextTokens, samplesAtOnce, threads, kvCache };
    return { description, backend, devices, ...sizes, choices, loadMs };
  } finally {
    await generator[Symbol.asyncDispose]();
  }
}

let answer: TrialAnswer;
try {
  answer = { loaded: await trial(JSON.parse(await text(process.stdin)) as LoadGeneratorOptions) };
} catch (error) {
  const code = error instanceof PgenrmError ? error.code : 'INTERNAL';
  answer = { failure: { code, message: messageOf(error) } };
}
process.stdout.write(`\n${JSON.stringify(answer)}\n`);
