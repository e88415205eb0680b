// The judgment at a level: verdict, criteria, why not the other, chains. The level follows the chains until the user sets it.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { exportJudgment } from '../data/export.js';
import type { JudgeTask } from '../data/task.js';
import { criterionRows, wholeRubrics } from '../judgment/criteria.js';
import { byArrival, comparedPair, outcomeOf } from '../judgment/outcome.js';
import { whyNot } from '../judgment/why-not.js';
import type { JudgmentRun } from '../state/use-judgment.js';
import { ChainList } from './chain-list.js';
import { CriteriaView } from './criteria-view.js';
import { LevelView } from './level-view.js';
import { PersonaView } from './persona-view.js';
import { VerdictView } from './verdict-view.js';
import { WhyNotView } from './why-not-view.js';

export function JudgmentView({ task, run }: { readonly task: JudgeTask; readonly run: JudgmentRun | null }) {
  const chains = useMemo(() => byArrival(run?.chains ?? []), [run?.chains]);
  const [level, setLevel] = useState<number | null>(null);
  // A new judgment begins at its own level.
  const fresh = chains.length === 0;
  useEffect(() => {
    if (fresh) setLevel(null);
  }, [fresh]);
  const responses = task.responses.length;
  const counted = chains.slice(0, level ?? chains.length);
  const outcome = useMemo(() => outcomeOf(counted, responses), [chains, level, responses]);
  const pair = comparedPair(outcome, responses);
  const rubrics = useMemo(() => wholeRubrics(counted), [chains, level]);
  return (
    <section id="judgment" class="judgment" aria-label="Judgment" tabIndex={-1}>
      <VerdictView
        task={task}
        outcome={outcome}
        pair={pair}
        chains={counted.length}
        before={(run?.earlier.length ?? 0) > 0 ? outcomeOf(run!.earlier, responses) : null}
      />
      <PersonaView run={run} chains={counted} responses={responses} />
      <LevelView
        chains={chains}
        responses={responses}
        level={counted.length}
        setLevel={setLevel}
        promptTokens={run?.facts?.promptTokens ?? null}
        outcome={outcome}
        pair={pair}
      />
      {rubrics.length > 0 && (
        <>
          <CriteriaView
            rows={criterionRows(rubrics, responses)}
            responses={responses}
            rubrics={rubrics.length}
          />
          <WhyNotView why={whyNot(rubrics, pair)} pair={pair} tie={outcome.tie} />
        </>
      )}
      {chains.length > 0 && (
        <>
          <ChainList chains={chains} counted={counted.length} />
          <p>
            <button type="button" class="quiet" onClick={() => exportJudgment(task, chains)}>
              Export this judgment
            </button>
          </p>
        </>
      )}
    </section>
  );
}
