// Judges through the server that this page came from (`pgenrm serve`): /ready, then /v1/judge as a stream.
// Knows its shapes; chains come as texts, and are read here as they are read there.
import { readChain } from 'pgenrm';
import { type Engine, EngineFailure, type JudgeAsk, type ShownChain, type Verdict } from './engine.js';
import { eventsOf } from './event-stream.js';

/** Milliseconds between two looks whether the model is loaded. */
const LOOK_MS = 500;
const GONE =
  'the server does not answer: it was stopped, or the way to it is cut. What came before stays; start it again and judge again.';

interface ServedChain extends Omit<ShownChain, 'reading' | 'atMs'> {
  readonly comparison: number;
}

/** `token`: what the server asks for, where it asks. */
export function serverEngine(token: () => string): Engine {
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const given = token();
    const headers = {
      'content-type': 'application/json',
      ...(given === '' ? {} : { authorization: `Bearer ${given}` }),
    };
    const answer = await fetch(new URL(path, document.baseURI), { ...init, headers }).catch(
      (error: unknown) => {
        if (init.signal?.aborted) throw init.signal.reason;
        throw new EngineFailure('SERVER_GONE', GONE, { cause: error });
      },
    );
    return answer;
  };

  return {
    kind: 'server',
    takesModels: false,
    async load(onProgress) {
      for (;;) {
        const answer = await ask('ready');
        const { status, version, model } = (await answer.json()) as {
          status: 'loading' | 'ok' | 'stopping' | 'failed';
          version: string;
          model: string | null;
        };
        if (status === 'ok') {
          return {
            model: model ?? 'the model',
            runsOn: `pgenrm ${version} at ${location.host}`,
            remarks: [],
          };
        }
        if (status !== 'loading') {
          throw new EngineFailure(
            'SERVER_GONE',
            `the server is ${status}: look at what it says, and start it again`,
          );
        }
        onProgress({ phase: 'load', done: 0, total: 0 });
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    },
    async judge({ input, individual, seed, temperature }: JudgeAsk, listener, signal): Promise<Verdict> {
      const began = performance.now();
      const { id, user, context, prompt, candidates } = input;
      const answer = await ask('v1/judge', {
        method: 'POST',
        signal,
        body: JSON.stringify({
          id,
          user,
          context,
          prompt,
          candidates,
          stream: true,
          options: { individual, seed, temperature },
        }),
      });
      if (!answer.ok) throw await failureOf(answer);
      const chains: ShownChain[] = [];
      let facts = { promptTokens: 0, usedEvents: 0, droppedEvents: 0 };
      for await (const { event, data } of eventsOf(answer, signal, GONE)) {
        if (event === 'started') {
          const { promptTokens, usedEvents, droppedEvents } = data as typeof facts;
          facts = { promptTokens, usedEvents, droppedEvents };
          listener.started(facts);
        } else if (event === 'chain') {
          const chain = shownChain(data as ServedChain, performance.now() - began);
          chains.push(chain);
          listener.chain(chain);
        } else if (event === 'judged') {
          const { scores, winner, uncertainty, cost } = data as Verdict & { cost: { promptTokens: number } };
          return { scores, winner, uncertainty, chains, ...facts, promptTokens: cost.promptTokens };
        } else if (event === 'error') {
          const { error } = data as { error: { code: string; message: string } };
          throw new EngineFailure(error.code, error.message);
        }
      }
      throw new EngineFailure('SERVER_GONE', GONE);
    },
  };
}

function shownChain({ comparison: _, ...chain }: ServedChain, atMs: number): ShownChain {
  return { ...chain, reading: readChain(chain.text, { responses: chain.order.length }), atMs };
}

async function failureOf(answer: Response): Promise<EngineFailure> {
  try {
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    return new EngineFailure(error.code, error.message);
  } catch {
    return new EngineFailure('SERVER_GONE', `the server answers ${answer.status} without saying why`);
  }
}
