// An answer of server-sent events that begins at once and ends with the request.
// Knows the format; nothing of what is sent.

import { failureBody, failureOf } from './failures.js';
import type { Call } from './route.js';

/** Sends one event. */
export type Send = (event: string, data: object) => void;

/** Milliseconds between comments that keep proxies from closing a silent connection. */
const HEARTBEAT_MS = 15_000;

/** Answers with the events that `work` sends; an error that it throws becomes the event `error`, the last one. */
export function streamOf(call: Pick<Call<unknown>, 'keep'>, work: (send: Send) => Promise<void>): Response {
  const encoder = new TextEncoder();
  let open = true;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const write = (text: string): void => {
        if (open) controller.enqueue(encoder.encode(text));
      };
      const send: Send = (event, data) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      const heartbeat = setInterval(() => write(': waiting\n\n'), HEARTBEAT_MS);
      const run = async (): Promise<void> => {
        try {
          await work(send);
        } catch (error) {
          send('error', failureBody(failureOf(error)));
        } finally {
          clearInterval(heartbeat);
          if (open) controller.close();
          open = false;
        }
      };
      call.keep(run());
    },
    cancel() {
      open = false;
    },
  });
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  });
}
