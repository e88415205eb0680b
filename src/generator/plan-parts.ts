// The parts of a plan in the order of their numbers, with what stands around each; and a plan's own rules.
// Knows no tokens: what a vocabulary can write is checked in plan-bounds.ts.
import { checkChoice, checkRange, invalidOption } from '../options/option-range.js';
import type { Choice, FreeText, Plan, PlanPart, Repeat } from './plan.js';

/** A part with its place in the plan. */
export interface PlacedPart {
  readonly part: PlanPart;
  readonly number: number;
  /** Numbers of the repeats and forEach parts around it, outermost first. */
  readonly within: readonly number[];
}

const MODES = ['sample', 'greedy', 'read'] as const;
const WEIGHINGS = ['whole', 'branches'] as const;
const COUNT = { integer: true, min: 1, max: 1_000_000 } as const;
const MOST_PARTS = 10_000;

/** All parts of a plan, each before its body. */
export function placedParts(plan: Plan): PlacedPart[] {
  const placed: PlacedPart[] = [];
  const walk = (parts: readonly PlanPart[], within: readonly number[]): void => {
    for (const part of parts) {
      const number = placed.length;
      placed.push({ part, number, within });
      if (part.kind === 'repeat' || part.kind === 'forEach') walk(part.body, [...within, number]);
    }
  };
  walk(plan.parts, []);
  return placed;
}

/** What an error calls a part. */
export function describePart({ part, number }: PlacedPart): string {
  if (part.kind === 'given') return `given text ${JSON.stringify(shortened(part.text))} (part ${number})`;
  if (part.kind === 'copy') return `copy of '${part.of}' (part ${number})`;
  if (part.kind === 'forEach') return `forEach over '${part.over}' (part ${number})`;
  return `${part.kind === 'free' ? 'free text' : part.kind} '${part.name}'`;
}

/** Text before a round, counted from 0, with its number where it has one. */
export function numberedText(text: string, numbered: string | undefined, round: number): string {
  return numbered === undefined ? text : `${text}${round + 1}${numbered}`;
}

/**
 * Texts among which a part may choose, each with its terminator; of a repeat `another` and `end` before such a round, counted
 * from 0.
 */
export function choiceTexts(part: Choice | Repeat, round = 0): readonly string[] {
  if (part.kind === 'repeat') return [numberedText(part.another, part.numbered, round), part.end];
  return part.texts.map((text) => text + (part.terminator ?? ''));
}

/**
 * Checks everything about a plan that needs no vocabulary. Throws `INVALID_OPTION`: no parts, bounds of zero or the wrong
 * way round, texts of a choice that coincide or begin alike to the end, names that come twice, and copies of what was not
 * written before.
 */
export function checkPlanParts(plan: Plan): PlacedPart[] {
  const placed = placedParts(plan);
  if (placed.length === 0 || placed.length > MOST_PARTS) {
    throw invalidOption('plan.parts', `1 to ${MOST_PARTS} parts`, placed.length);
  }
  const named = new Map<string, PlacedPart>();
  for (const one of placed) {
    checkPart(one, named);
    const { part } = one;
    if (part.kind !== 'free' && part.kind !== 'choice' && part.kind !== 'repeat') continue;
    if (part.name === '' || named.has(part.name)) {
      throw invalidOption('name of a part', 'a text that no other part has', part.name);
    }
    named.set(part.name, one);
  }
  return placed;
}

function checkPart(one: PlacedPart, named: ReadonlyMap<string, PlacedPart>): void {
  const { part } = one;
  const what = describePart(one);
  switch (part.kind) {
    case 'given':
      if (part.text === '') throw invalidOption(what, 'a text of at least one character', part.text);
      return;
    case 'free':
      checkFree(part, what);
      return;
    case 'choice':
      if (part.texts.length === 0) throw invalidOption(`texts of ${what}`, 'at least one text', 'none');
      if (part.temperature !== undefined) {
        checkRange(`temperature of ${what}`, part.temperature, { integer: false, min: 0, max: 10 });
      }
      checkChoice(`mode of ${what}`, part.mode ?? 'sample', MODES);
      checkChoice(`weighing of ${what}`, part.weighing ?? 'whole', WEIGHINGS);
      checkApart(choiceTexts(part), what);
      return;
    case 'repeat':
      checkRange(`most of ${what}`, part.most, COUNT);
      checkRange(`least of ${what}`, part.least, { integer: true, min: 0, max: part.most });
      checkChoice(`mode of ${what}`, part.mode ?? 'sample', MODES);
      checkChoice(`weighing of ${what}`, part.weighing ?? 'whole', WEIGHINGS);
      if (part.body.length === 0) throw invalidOption(`body of ${what}`, 'at least one part', 'none');
      if (part.least < part.most) checkApart(choiceTexts(part, part.least), what);
      return;
    case 'copy': {
      const source = named.get(part.of)?.part.kind;
      if (source !== 'free' && source !== 'choice') {
        throw invalidOption(
          `of of a copy (part ${one.number})`,
          'the name of an earlier free text or choice',
          part.of,
        );
      }
      return;
    }
    case 'forEach': {
      const repeat = named.get(part.over);
      if (repeat?.part.kind !== 'repeat' || one.within.includes(repeat.number)) {
        throw invalidOption(
          `over of a forEach (part ${one.number})`,
          'the name of a repeat that ended before',
          part.over,
        );
      }
      if (part.body.length === 0) throw invalidOption(`body of ${what}`, 'at least one part', 'none');
      return;
    }
    default:
      throw invalidOption(
        `kind of part ${one.number}`,
        'given, free, choice, copy, repeat or forEach',
        (part as { kind?: unknown }).kind,
      );
  }
}

function checkFree({ maxTokens, minTokens = 0, stop = [], bars = [] }: FreeText, what: string): void {
  checkRange(`maxTokens of ${what}`, maxTokens, COUNT);
  checkRange(`minTokens of ${what}`, minTokens, { integer: true, min: 0, max: maxTokens });
  for (const text of [...stop, ...bars]) {
    if (text === '') throw invalidOption(`stop and bars of ${what}`, 'texts of at least one character', text);
  }
  const never = stop.find((text) => bars.some((barred) => text.includes(barred)));
  if (never !== undefined) {
    throw invalidOption(`stop of ${what}`, 'texts in which no barred text occurs', never);
  }
}

// Of sorted texts, one that another begins with stands right before one that it begins.
function checkApart(texts: readonly string[], what: string): void {
  const sorted = [...texts].sort();
  for (const [index, text] of sorted.entries()) {
    const next = sorted[index + 1];
    if (text === '') throw invalidOption(`texts of ${what}`, 'texts of at least one character', text);
    if (next?.startsWith(text) !== true) continue;
    const clash =
      next === text
        ? `${JSON.stringify(shortened(text))} twice`
        : `${JSON.stringify(shortened(text))} and ${JSON.stringify(shortened(next))}`;
    throw invalidOption(
      `texts of ${what}`,
      'texts none of which begins another, terminators included',
      clash,
    );
  }
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
