// The bundled examples, as the command line judges them.
import { type PreferenceRow, readRows } from 'pgenrm';
import preferences from '../../../examples/preferences.jsonl?raw';
import users from '../../../examples/users.jsonl?raw';
import { recordsOfText } from './records.js';
import { type JudgeTask, taskOf } from './task.js';

export function exampleTasks(): JudgeTask[] {
  const { rows } = readRows(recordsOfText(preferences), {
    name: 'the bundled examples',
    users: recordsOfText(users),
    split: 'test',
  });
  return rows.filter((row): row is PreferenceRow => row.kind === 'row').map(taskOf);
}
