// Reads completions and chat completions as OpenAI's routes answer them, whole or as a stream.
// Knows those shapes; nothing of what a dialect sends.

import {
  brokeOff,
  checkWritten,
  countOr,
  endedEarly,
  fieldsOf,
  idsOf,
  type SampleAsk,
  type StreamReader,
  type Written,
  wrongAnswer,
} from './dialect.js';

type Fields = Readonly<Record<string, unknown>>;

/** Reads a whole answer. */
export function readCompletion(answer: unknown, ask: SampleAsk): Written {
  const choice = onlyChoice(answer);
  const text = ask.prompt.kind === 'chat' ? fieldsOf(choice.message).content : choice.text;
  return finished(choice, text, fieldsOf(answer).usage, ask);
}

/** Reads a stream that was asked for with `stream_options.include_usage`. */
export function completionReader(ask: SampleAsk): StreamReader {
  let text = '';
  let last: Fields | null = null;
  let usage: unknown;
  let pieces = 0;
  return {
    take(event) {
      const fields = fieldsOf(event);
      if (fields.error !== undefined) throw brokeOff(JSON.stringify(fields.error));
      usage = fields.usage ?? usage;
      if (Array.isArray(fields.choices) && fields.choices.length > 0) {
        const choice = onlyChoice(event);
        const piece = ask.prompt.kind === 'chat' ? (fieldsOf(choice.delta).content ?? '') : choice.text;
        if (typeof piece !== 'string') throw wrongAnswer('a text', choice);
        text += piece;
        if (piece !== '') pieces += 1;
        if (typeof choice.finish_reason === 'string') last = choice;
      }
      return (
        last !== null && usage !== undefined && usage !== null && Object.keys(fieldsOf(usage)).length > 0
      );
    },
    get text() {
      return text;
    },
    get tokens() {
      return Math.min(pieces, ask.maxTokens);
    },
    written() {
      if (last === null) throw endedEarly();
      return finished(last, text, usage, ask);
    },
  };
}

function onlyChoice(answer: unknown): Fields {
  const { choices } = fieldsOf(answer);
  if (!Array.isArray(choices) || choices.length !== 1) throw wrongAnswer('one choice', choices);
  return fieldsOf(choices[0]);
}

function finished(choice: Fields, text: unknown, usage: unknown, ask: SampleAsk): Written {
  if (typeof text !== 'string') throw wrongAnswer('a text', choice);
  const { finish_reason: reason } = choice;
  if (reason !== 'stop' && reason !== 'length')
    throw wrongAnswer('a finish_reason of stop or length', reason);
  const {
    prompt_tokens: promptTokens,
    completion_tokens: tokens,
    prompt_tokens_details: details,
  } = fieldsOf(usage);
  // vLLM says which stop string ended a text; where nothing says so none was sent.
  const stoppedBy = typeof choice.stop_reason === 'string' ? choice.stop_reason : null;
  return checkWritten(
    {
      text,
      tokens: tokens as number,
      finish: reason === 'length' ? 'length' : stoppedBy !== null ? 'stop' : 'endOfGeneration',
      stoppedBy: reason === 'length' ? null : stoppedBy,
      promptTokens: promptTokens as number,
      cachedTokens: countOr(fieldsOf(details).cached_tokens),
      ids: idsOf(choice.token_ids, ask),
    },
    ask,
  );
}
