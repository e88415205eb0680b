// Turns counts of a stage into events: the first call begins the stage, the others tell how far it is.
// Knows events; nothing of what a stage does.

import type { BuildEvent, BuildStage } from './build-options.js';

/** A function to call with the counts of a stage. */
export function stageReporter(
  stage: BuildStage,
  onEvent: ((event: BuildEvent) => void) | undefined,
): (done: number, total: number) => void {
  let began = false;
  return (done, total) => {
    onEvent?.({ type: began ? 'progress' : 'stage', stage, done, total });
    began = true;
  };
}
