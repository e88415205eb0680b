// Holds a GGUF to the file written by check_gguf.py: token by token, then greedy chains and probabilities.
// Usage: node check_gguf.mjs model.gguf reference.json   (node-llama-cpp must be resolvable from here)
import {readFileSync} from "node:fs";
import {getLlama} from "node-llama-cpp";

const [modelPath, referencePath] = process.argv.slice(2);
const reference = JSON.parse(readFileSync(referencePath, "utf8"));
const llama = await getLlama({gpu: false, build: "never", logLevel: "error"});
const model = await llama.loadModel({modelPath});
const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

let wrong = 0;
for (const {text, tokens} of reference.texts) {
  const mine = model.tokenize(text, true);
  if (!same([...mine], tokens) && wrong++ < 5) console.log("tokens differ:", JSON.stringify(text.slice(0, 200)), [...mine].slice(0, 20), tokens.slice(0, 20));
}
console.log(`tokenizer: ${reference.texts.length - wrong} of ${reference.texts.length} texts agree`);

// Keys and values in f32, as PyTorch has them.
const context = await model.createContext({contextSize: 4096, threads: 1, flashAttention: false, experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32"});
let agreed = 0, whole = 0, total = 0, largest = 0, relative = 0;
for (const {prompt, chain, text, probabilities} of reference.cases) {
  const tokens = model.tokenize(prompt, true);
  const sequence = context.getSequence();
  for (const [i, at] of [[0, 0], [1, 3]]) {
    await sequence.clearHistory();
    const input = [...tokens, ...chain.slice(0, at)];
    input[input.length - 1] = [input.at(-1), {generateNext: {probabilities: true, options: {temperature: 1, topK: 0, topP: 1, minP: 0}}}];
    const answer = (await sequence.controlledEvaluate(input)).at(-1).next.probabilities;
    for (const [token, p] of Object.entries(probabilities[i])) {
      const q = answer.get(Number(token)) ?? 0;
      largest = Math.max(largest, Math.abs(p - q));
      // A logarithm of a probability is a logit less what all of them share.
      relative = Math.max(relative, Math.abs(Math.log(p) - Math.log(q)) / Math.max(1, Math.abs(Math.log(p))));
    }
  }
  await sequence.clearHistory();
  const mine = [];
  for await (const token of sequence.evaluate(tokens, {temperature: 0})) {
    if (model.isEogToken(token) || mine.length > 300) break;
    mine.push(token);
  }
  let n = 0;
  while (n < chain.length && mine[n] === chain[n]) n++;
  agreed += n;
  total += chain.length;
  whole += same(mine, chain) ? 1 : 0;
  if (model.detokenize(mine, true) !== text && same(mine, chain)) console.log("text differs", model.detokenize(mine, true));
  sequence.dispose();
}
console.log(`greedy chains: ${whole} of ${reference.cases.length} equal, ${agreed} of ${total} tokens before the first difference`);
console.log(`next-token probabilities, the 20 highest: largest difference ${largest.toExponential(2)}; of their logarithms, relative, ${relative.toExponential(2)}`);
process.exit(wrong ? 1 : 0);
