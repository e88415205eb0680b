// The sections that every built-in template shares: history events, stated criteria, query, responses.
// Knows the markers; knows nothing of instructions, chat templates or tokens.

import type { HistoryEvent, Turn, User } from '../preference/preference.js';
import {
  CRITERIA_END,
  CRITERIA_START,
  eventEnd,
  HISTORY_END,
  HISTORY_START,
  INPUT_END,
  INPUT_START,
  neutralizeEventText,
  neutralizeMarkers,
  responseEnd,
  responseStart,
} from './markers.js';

/** Stands in place of the events of a user without history. */
export const NO_HISTORY = 'No preference history is known for this user.';

const TURN_LABELS: Readonly<Record<Turn['role'], string>> = {
  system: 'System',
  user: 'User',
  assistant: 'Assistant',
};

/** A conversation as one text: a lone turn is its text, several are `User: ...` / `Assistant: ...` lines. */
export function renderContext(context: readonly Turn[]): string {
  if (context.length === 1) return context[0]!.content.trim();
  return context.map((turn) => `${TURN_LABELS[turn.role]}: ${turn.content.trim()}`).join('\n');
}

/**
 * How history events are divided: `plain`, by blank lines alone, as P-GenRM's published weights know them, or
 * `numbered`, where every label carries the event's number and a marker closes the event. A small model tells
 * numbered events apart with far less training.
 */
export type EventForm = 'plain' | 'numbered';

function renderEvent(event: HistoryEvent, index: number, form: EventForm): string {
  const query = neutralizeEventText(renderContext(event.context));
  const chosen = neutralizeEventText(event.chosen.trim());
  const rejected = neutralizeEventText(event.rejected.trim());
  if (form === 'plain') return `User: ${query}\nChosen: ${chosen}\nRejected: ${rejected}`;
  const n = index + 1;
  return `User: ${query}\nChosen ${n}: ${chosen}\nRejected ${n}: ${rejected}\n${eventEnd(n)}`;
}

/** The events, oldest first, divided by blank lines; {@link NO_HISTORY} where there are none. */
export function renderEvents(history: readonly HistoryEvent[], form: EventForm = 'plain'): string {
  if (history.length === 0) return NO_HISTORY;
  return history.map((event, index) => renderEvent(event, index, form)).join('\n\n');
}

/** The stated criteria between their markers, or '' where none were stated. */
export function renderCriteria(user: User): string {
  const criteria = (user.criteria ?? '').trim();
  return criteria === '' ? '' : `${CRITERIA_START}\n${neutralizeMarkers(criteria)}\n${CRITERIA_END}`;
}

/** History section, then the criteria section where criteria were stated. */
export function renderUserSections(user: User, form: EventForm): string {
  const history = `${HISTORY_START}\n${renderEvents(user.history, form)}\n${HISTORY_END}`;
  const criteria = renderCriteria(user);
  return criteria === '' ? history : `${history}\n\n${criteria}`;
}

/** The query and the numbered responses between their markers. */
export function renderInputSections(context: readonly Turn[], responses: readonly string[]): string {
  const sections = [`${INPUT_START}\n${neutralizeMarkers(renderContext(context))}\n${INPUT_END}`];
  responses.forEach((response, index) => {
    const text = neutralizeMarkers(response);
    sections.push(`${responseStart(index + 1)}\n${text}\n${responseEnd(index + 1)}`);
  });
  return sections.join('\n\n');
}
