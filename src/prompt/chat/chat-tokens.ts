// What a model's vocabulary gives to its chat template: the texts of the tokens that begin and end a sequence.
// Knows metadata keys; renders nothing.

import type { ChatTemplateOptions } from './chat-template.js';

/**
 * What a chat template is rendered with. `metadata`: the GGUF's scalar metadata as texts.
 *
 * A prompt begins with the token that begins a sequence where `tokenizer.ggml.add_bos_token` is true; without that key as
 * llama.cpp does it: for vocabularies of SentencePiece (`tokenizer.ggml.model` is `llama`). A template that prints the
 * token itself does not get it twice.
 */
export function chatTokens(
  tokens: { readonly bosToken: string; readonly eosToken: string },
  metadata: ReadonlyMap<string, string>,
): ChatTemplateOptions {
  const asked = metadata.get('tokenizer.ggml.add_bos_token');
  const addsBos = asked === undefined ? metadata.get('tokenizer.ggml.model') === 'llama' : asked === 'true';
  return { bosToken: tokens.bosToken, eosToken: tokens.eosToken, addsBos };
}
