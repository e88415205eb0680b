// What llama.cpp does not survive in a GGUF file: it ends the process there instead of refusing the file.
// Knows the values of a header; reads nothing.

import { PgenrmError } from '../errors.js';

// Of llama.cpp (`LLAMA_MAX_LAYERS`, `LLAMA_MAX_EXPERTS`).
const MOST_LAYERS = 512;
const MOST_EXPERTS = 1024;
const ROPE_SCALINGS = ['none', 'linear', 'yarn', 'longrope'];
// llama.cpp takes their experts out where there is one.
const EXPERTS_OPTIONAL = ['hunyuan-dense', 'hunyuan_vl'];

/**
 * Checks the values for which llama.cpp has assertions in place of errors: numbers of layers and experts, the scaling of
 * positions. A value of the wrong type or one that is missing is left to llama.cpp, which says so. Errors: `MODEL_UNUSABLE`.
 */
export function checkGgufLimits(metadata: ReadonlyMap<string, unknown>): void {
  const architecture = metadata.get('general.architecture');
  if (typeof architecture !== 'string') return;
  const whole = (key: string, usual: number): number => {
    const value = metadata.get(`${architecture}.${key}`);
    return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : usual;
  };
  const check = (holds: boolean, key: string, expected: string): void => {
    if (holds) return;
    const value = String(metadata.get(`${architecture}.${key}`));
    throw new PgenrmError(
      'MODEL_UNUSABLE',
      `its ${architecture}.${key} is ${value}, expected ${expected}; llama.cpp would end the process`,
    );
  };
  const layers = whole('block_count', 1);
  check(layers >= 1 && layers <= MOST_LAYERS, 'block_count', `1 to ${MOST_LAYERS}`);
  check(whole('nextn_predict_layers', 0) <= layers, 'nextn_predict_layers', `at most block_count, ${layers}`);
  if (!EXPERTS_OPTIONAL.includes(architecture)) checkExperts(whole, check, metadata, architecture);
  for (const key of ['attention.layer_norm_rms_epsilon', 'attention.layer_norm_epsilon']) {
    const epsilon = metadata.get(`${architecture}.${key}`);
    check(typeof epsilon !== 'number' || epsilon >= 0, key, 'a number from 0 up');
  }
  const scaling = metadata.get(`${architecture}.rope.scaling.type`);
  check(
    typeof scaling !== 'string' || ROPE_SCALINGS.includes(scaling),
    'rope.scaling.type',
    ROPE_SCALINGS.join(', '),
  );
}

function checkExperts(
  whole: (key: string, usual: number) => number,
  check: (holds: boolean, key: string, expected: string) => void,
  metadata: ReadonlyMap<string, unknown>,
  architecture: string,
): void {
  const experts = whole('expert_count', 0);
  check(experts <= MOST_EXPERTS, 'expert_count', `at most ${MOST_EXPERTS}`);
  // Where it is an array, one number a layer, only its length is known here.
  const perLayer = typeof metadata.get(`${architecture}.expert_used_count`) === 'object';
  const used = whole('expert_used_count', 0);
  if (experts > 0 && !perLayer) {
    check(used >= 1 && used <= experts, 'expert_used_count', `1 to expert_count, ${experts}`);
  } else if (experts === 0) {
    check(used === 0, 'expert_used_count', '0, for there are no experts');
  }
  const groups = whole('expert_group_count', 0);
  check(
    experts === 0 ? groups === 0 : groups < experts && (groups <= 1 || experts % groups === 0),
    'expert_group_count',
    `a divisor of expert_count, ${experts}`,
  );
  if (groups > 1) {
    const usedGroups = whole('expert_group_used_count', 0);
    check(usedGroups >= 1 && usedGroups < groups, 'expert_group_used_count', `1 to ${groups - 1}`);
  }
}

/**
 * Checks that a vocabulary of SentencePiece has tokens for single bytes: llama.cpp would end the process at the first text
 * that needs one. Errors: `MODEL_UNUSABLE`.
 */
export function checkByteTokens(metadata: ReadonlyMap<string, unknown>): void {
  const kind = metadata.get('tokenizer.ggml.model');
  const tokens = metadata.get('tokenizer.ggml.tokens');
  if (kind === 'rwkv' && Array.isArray(tokens)) checkRwkvBytes(tokens);
  if (kind !== 'llama' || !Array.isArray(tokens)) return;
  const known = new Set<unknown>(tokens);
  for (let byte = 0; byte < 256; byte++) {
    const name = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
    if (known.has(name) || known.has(String.fromCharCode(byte))) continue;
    throw new PgenrmError(
      'MODEL_UNUSABLE',
      `its vocabulary is of SentencePiece (tokenizer.ggml.model is llama) and has no token ${name}; llama.cpp would end the process`,
    );
  }
}

/** A first byte of which no token stands alone has llama.cpp's tokenizer for RWKV search without end. */
function checkRwkvBytes(tokens: readonly unknown[]): void {
  const alone = new Set<string>();
  const first = new Map<string, string>();
  for (const token of tokens) {
    if (typeof token !== 'string') continue;
    const bytes = token.replace(/\\(?:x([0-9a-fA-F]{2})|(.))/gs, (_, hex?: string, other?: string) =>
      hex !== undefined ? String.fromCharCode(Number.parseInt(hex, 16)) : (ESCAPES[other!] ?? other!),
    );
    if (bytes.length === 1) alone.add(bytes);
    else if (bytes !== '') first.set(bytes[0]!, token);
  }
  for (const [byte, token] of first) {
    if (alone.has(byte)) continue;
    throw new PgenrmError(
      'MODEL_UNUSABLE',
      `its vocabulary is RWKV's and has ${JSON.stringify(token.slice(0, 60))} but no token for its first byte alone; llama.cpp would never end to tokenize a text`,
    );
  }
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r' };

/**
 * Checks that no two tokens of a vocabulary have the same bytes. `raw` gives the bytes of token i, one character a byte;
 * an empty token has a name of its own. Errors: `MODEL_UNUSABLE`.
 */
export function checkTokensUnique(tokens: readonly string[], raw: (index: number) => string): void {
  // Different texts have different bytes; the other way round is not so where bytes are no UTF-8.
  // llama.cpp reads a token up to its first zero byte.
  const cut = tokens.some((token) => token === '' || token.includes('\0'));
  if (!cut && new Set(tokens).size === tokens.length) return;
  const known = new Map<string, number>();
  for (let index = 0; index < tokens.length; index++) {
    const bytes = raw(index).split('\0', 1)[0] || `[EMPTY_${index}]`;
    const earlier = known.get(bytes);
    if (earlier !== undefined) {
      throw new PgenrmError(
        'MODEL_UNUSABLE',
        `its tokens ${earlier} and ${index} are the same text, ${JSON.stringify(tokens[index]!.slice(0, 60))}; llama.cpp would end the process`,
      );
    }
    known.set(bytes, index);
  }
}
