// `pgenrm serve`: a reward server from its flags to its graceful end.
// Knows the command line; the server is `src/http-server`.

import type { Command } from 'commander';
import { PgenrmError } from '../../errors.js';
import { checkServerOptions } from '../../http-server/options.js';
import type { RewardServer } from '../../http-server/server.js';
import { printable } from '../../output/printable.js';
import type { RewardModel } from '../../reward-model/reward-model.js';
import type { ServiceEmbedder, ServiceModel } from '../../service/contract.js';
import type { ModelSource } from '../../service/model-pool.js';
import type { CommandContext } from '../command-context.js';
import { addFlags } from '../options/add-flags.js';
import { loadOptions } from '../options/model-options.js';
import { createLog, type LogLevel } from '../terminal/console-streams.js';
import { EXIT } from '../terminal/exit-code.js';
import { InterruptWatch } from '../terminal/interrupt.js';
import { SERVE_FLAGS, type ServeFlags, serverOptions } from './serve-options.js';

const STOPPING_TEXT = '\nstopping: requests at work are answered first; once more quits at once\n';

/** Adds `pgenrm serve`. It ends with 0 when it was asked to stop and did. */
export function serveCommand(program: Command, context: CommandContext): void {
  const command = addFlags(
    program
      .command('serve')
      .description(
        'Serves the model over HTTP: rewards for trainers, best of n, and a personalized reranker. GET /openapi.json describes it.',
      ),
    SERVE_FLAGS,
  );
  command.action(async () => {
    const flags = command.optsWithGlobals<ServeFlags & { readonly logLevel: LogLevel }>();
    // Who runs a server wants to see its requests; who says a level gets that.
    const level = program.getOptionValueSource('logLevel') === 'default' ? 'info' : flags.logLevel;
    await serve(flags, level, context);
    context.end(EXIT.ok);
  });
}

async function serve(flags: ServeFlags, level: LogLevel, context: CommandContext): Promise<void> {
  const options = serverOptions(flags);
  checkServerOptions(options);
  checkBank(flags);
  const { err } = context;
  const log = createLog(level, err);
  using watch = new InterruptWatch(() => err.write(STOPPING_TEXT));
  const [
    { RewardServer: Server },
    { serviceJudging },
    { LocalService },
    { FILE_SOURCES },
    { openUserStore },
  ] = await Promise.all([
    import('../../http-server/server.js'),
    import('../../http-server/judging/service-judging.js'),
    import('../../service/local-service.js'),
    import('../../service/model-sources.js'),
    import('../../users/sqlite-store.js'),
  ]);
  const users = flags.users === undefined ? null : await openUserStore(flags.users);
  const { signal } = watch;
  let server: RewardServer;
  try {
    server = await Server.start(
      {
        users,
        log: (record) => (record.status >= 500 ? log.error(record) : log.info(record)),
        load: () => {
          const judge = (model: ServiceModel): ModelSource<RewardModel> => ({
            ...FILE_SOURCES.judge(model),
            load: async (stop) => {
              const value = await context.loadModel({ ...model, signal: stop });
              const bytes = model.urls === undefined ? (value.modelInfo.sizeBytes ?? 0) : 0;
              return { value, bytes, close: () => value.close() };
            },
          });
          return serviceJudging(new LocalService({}, { ...FILE_SOURCES, judge }), {
            model: loadOptions(flags) as ServiceModel,
            judge: options.judge ?? {},
            embedder: embedderOf(flags),
            signal,
          });
        },
      },
      options,
    );
  } catch (error) {
    await users?.close();
    throw error;
  }
  await using _stopped = server;
  err.write(`listening at ${server.url}; loading ${printable(flags.model || flags.engineUrl!.join(', '))}\n`);
  try {
    await server.ready;
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
  err.write(`ready at ${server.url}\n`);
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** As `score` has it. Errors: `INVALID_OPTION`. */
function checkBank({ pro, bank, embedder }: ServeFlags): void {
  if (pro > 0 && bank === undefined) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `--pro ${pro} needs a prototype bank; name it with --bank BANK (made by pgenrm bank build)`,
    );
  }
  if (bank === undefined && embedder !== undefined) {
    throw new PgenrmError(
      'INVALID_OPTION',
      '--embedder is that of a bank; name the bank with --bank, or the embedder of /v1/embeddings with --embeddings',
    );
  }
}

/** The embedder of `/v1/embeddings`, run as the judge is. */
function embedderOf({ embeddings, gpu, threads, generator }: ServeFlags): ServiceEmbedder | null {
  if (embeddings === undefined) return null;
  return {
    model: embeddings,
    gpu,
    ...(threads === undefined ? {} : { threads }),
    ...(generator === undefined ? {} : { generator }),
  };
}
