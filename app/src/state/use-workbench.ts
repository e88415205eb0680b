// What the user works on: where comparisons come from, which one is shown, and what they changed of it.

import type { HistoryEvent } from 'pgenrm';
import { useCallback, useMemo, useState } from 'preact/hooks';
import { EXAMPLES, readSource, type Source, sourceOfText } from '../data/source.js';
import type { JudgeTask } from '../data/task.js';

export interface Workbench {
  readonly source: Source;
  readonly task: JudgeTask;
  /** Why a file was not taken; null where all is well. */
  readonly refusal: string | null;
  choose(task: JudgeTask): void;
  openFile(file: File): void;
  openText(text: string): void;
  showExamples(): void;
  /** Changes what is judged, here alone. */
  edit(change: Partial<Pick<JudgeTask, 'criteria' | 'context' | 'responses'>>): void;
  /** Adds a choice to the history of the task's user, for their other rows. */
  remember(event: HistoryEvent): void;
  /** Choices that were added for the task's user. */
  readonly added: number;
  forget(): void;
}

type Edits = ReadonlyMap<string, Partial<JudgeTask>>;
type Choices = ReadonlyMap<string, readonly HistoryEvent[]>;

export function useWorkbench(): Workbench {
  const [source, setSource] = useState<Source>(EXAMPLES);
  const [id, setId] = useState(EXAMPLES.tasks[0]!.id);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [edits, setEdits] = useState<Edits>(new Map());
  const [choices, setChoices] = useState<Choices>(new Map());

  const show = useCallback((next: Source) => {
    setRefusal(null);
    setSource(next);
    setId(next.tasks[0]!.id);
    setEdits(new Map());
    setChoices(new Map());
  }, []);
  const refuse = useCallback(
    (error: unknown) => setRefusal(error instanceof Error ? error.message : String(error)),
    [],
  );
  const openFile = useCallback(
    (file: File) => {
      readSource(file, source).then(show, refuse);
    },
    [source, show, refuse],
  );
  const openText = useCallback(
    (text: string) => {
      try {
        show(sourceOfText('Pasted text', text, source));
      } catch (error) {
        refuse(error);
      }
    },
    [source, show, refuse],
  );

  const read = source.tasks.find((one) => one.id === id) ?? source.tasks[0]!;
  const added = choices.get(read.userId) ?? [];
  const task = useMemo(() => {
    const query = read.context.at(-1)?.content;
    // A row never knows the choice that it asks for.
    const others = added.filter(({ context }) => context.at(-1)?.content !== query);
    const whole = { ...read, ...edits.get(read.id) };
    return others.length === 0 ? whole : { ...whole, history: [...whole.history, ...others] };
  }, [read, edits, added]);

  return {
    source,
    task,
    refusal,
    choose: ({ id: chosen }) => setId(chosen),
    openFile,
    openText,
    showExamples: () => show(EXAMPLES),
    edit: (change) =>
      setEdits((before) => new Map(before).set(read.id, { ...before.get(read.id), ...change })),
    remember: (event) =>
      setChoices((before) => new Map(before).set(read.userId, [...(before.get(read.userId) ?? []), event])),
    added: added.length,
    forget: () => {
      setEdits((before) => {
        const rest = new Map(before);
        rest.delete(read.id);
        return rest;
      });
      setChoices((before) => {
        const rest = new Map(before);
        rest.delete(read.userId);
        return rest;
      });
    },
  };
}
