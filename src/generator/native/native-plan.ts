// Plans at the native boundary: parts with every field, numbers instead of names, and what comes back as written parts.
// Knows the boundary's form of a plan; its rules and bounds are checked before.
import type { NativePlanOutcome, NativePlanPart } from '../../native/binding.js';
import type { Plan, PlannedTokens, PlanPart, WrittenPart } from '../plan.js';
import { type PlacedPart, placedParts } from '../plan-parts.js';

const ABSENT: Omit<NativePlanPart, 'kind'> = {
  text: '',
  minTokens: 0,
  maxTokens: 0,
  stop: [],
  bars: [],
  grammar: '',
  texts: [],
  terminator: '',
  greedy: false,
  temperature: -1,
  branches: false,
  least: 0,
  most: 0,
  numbered: false,
  afterNumber: '',
  of: -1,
  body: [],
};

/** A plan as the addon takes it. */
export function toNativePlan(plan: Plan): NativePlanPart[] {
  const numbers = new Map<string, number>();
  for (const { part, number } of placedParts(plan)) if ('name' in part) numbers.set(part.name, number);
  const convert = (part: PlanPart): NativePlanPart => {
    switch (part.kind) {
      case 'given':
        return { ...ABSENT, kind: 'given', text: part.text };
      case 'free': {
        const { minTokens = 0, maxTokens, stop = [], bars = [], grammar = '' } = part;
        return { ...ABSENT, kind: 'free', minTokens, maxTokens, stop, bars, grammar };
      }
      case 'choice': {
        const { texts, terminator = '', temperature = -1 } = part;
        return { ...ABSENT, kind: 'choice', texts, terminator, temperature, ...howChosen(part) };
      }
      case 'copy':
        return { ...ABSENT, kind: 'copy', of: numbers.get(part.of) ?? -1 };
      case 'repeat': {
        const { least, most } = part;
        const texts = [part.another, part.end];
        return {
          ...ABSENT,
          kind: 'repeat',
          texts,
          least,
          most,
          ...howNumbered(part),
          body: part.body.map(convert),
          ...howChosen(part),
        };
      }
      case 'forEach': {
        const of = numbers.get(part.over) ?? -1;
        const body = part.body.map(convert);
        return { ...ABSENT, kind: 'forEach', of, body, text: part.between ?? '', ...howNumbered(part) };
      }
    }
  };
  return plan.parts.map(convert);
}

/** What the addon reports of a sample. */
export function fromNativeOutcome(
  { parts, ...tokens }: NativePlanOutcome,
  placed: readonly PlacedPart[],
): { readonly parts: WrittenPart[]; readonly tokens: PlannedTokens } {
  return {
    tokens,
    parts: parts.map((written) => {
      const { part } = placed[written.number] as PlacedPart;
      const name = 'name' in part ? part.name : part.kind === 'copy' ? part.of : '';
      return { ...written, name };
    }),
  };
}

function howNumbered({ numbered }: { readonly numbered?: string }): {
  readonly numbered: boolean;
  readonly afterNumber: string;
} {
  return { numbered: numbered !== undefined, afterNumber: numbered ?? '' };
}

function howChosen({ mode, weighing }: { readonly mode?: string; readonly weighing?: string }): {
  readonly greedy: boolean;
  readonly branches: boolean;
} {
  return { greedy: mode === 'greedy', branches: weighing === 'branches' };
}
