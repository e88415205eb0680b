// What every command works with: streams, how a model is loaded, how it ends the program.
// Types only; `run-cli` makes one for each command line.

import type { RewardModel } from '../reward-model/reward-model.js';
import type { ConsoleStreams } from './terminal/console-streams.js';

/** What commands work with; tests and embedders put their own in place. */
export interface CliHost extends ConsoleStreams {
  /** Loads the model of `score` and `demo`. */
  readonly loadModel: typeof RewardModel.load;
}

/** How a command ends the program: with this code, and no error. */
export interface CommandContext extends CliHost {
  end(exitCode: number): void;
}
