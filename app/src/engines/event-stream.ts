// Server-sent events of an answer, one after another. Knows the format alone.
import { EngineFailure } from './engine.js';

export interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
}

/** Ends with the answer. A connection that breaks is a failure with the message `gone`; rejects with the signal's reason. */
export async function* eventsOf(
  answer: Response,
  signal: AbortSignal,
  gone: string,
): AsyncGenerator<ServerEvent> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((error: unknown) => {
        if (signal.aborted) throw signal.reason;
        throw new EngineFailure('SERVER_GONE', gone, { cause: error });
      });
      if (done) return;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop()!;
      for (const block of blocks) {
        const event = /^event: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) };
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
