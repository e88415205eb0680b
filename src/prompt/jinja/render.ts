// Renders the Jinja chat template of a model: the functions that it may call, the constants, the limits.
// Knows what transformers gives to a chat template; nothing of what the messages say.

import { argument, textArgument, wholeArgument } from './arguments.js';
import { RENDER_LIMITS, RenderBudget, type RenderLimits } from './budget.js';
import { renderNodes } from './interpreter.js';
import { type Node, parseTemplate } from './nodes.js';
import { textOf } from './value-text.js';
import { Callable, Dict, fromPlain, List, Namespace, TemplateFailure, type Value } from './values.js';

/** A template that parses. */
export interface ParsedTemplate {
  /** Renders it with these variables. Throws what the template raises, and `LimitReached` beyond the limits. */
  render(variables: Readonly<Record<string, unknown>>): string;
}

/**
 * Parses a Jinja template. Throws where it does not parse, or is longer than `limits.size`.
 *
 * It renders as jinja2 does with the settings of transformers (`trim_blocks`, `lstrip_blocks`, `tojson` without
 * escapes), and `tools` and `documents` are None. A template that prints today's date is given 26 July 2024.
 */
export function parseChatTemplate(source: string, limits: RenderLimits = RENDER_LIMITS): ParsedTemplate {
  if (source.length > limits.size) {
    throw new TemplateFailure(`it has ${source.length} characters, and may have ${limits.size}`);
  }
  const nodes: readonly Node[] = parseTemplate(source);
  return {
    render(variables) {
      const budget = new RenderBudget(limits);
      const values = new Map<string, Value>(globals(budget));
      for (const [name, value] of Object.entries(variables)) values.set(name, fromPlain(value));
      return renderNodes(nodes, values, budget);
    },
  };
}

function globals(budget: RenderBudget): [string, Value][] {
  const constants: [string, Value][] = [
    ['true', true],
    ['false', false],
    ['none', null],
    ['True', true],
    ['False', false],
    ['None', null],
    ['tools', null],
    ['documents', null],
  ];
  const functions: Readonly<Record<string, Callable['call']>> = {
    range: (args) => {
      const one = args.positional.length < 2;
      const start = one ? 0 : wholeArgument(args, 0, 'start');
      const stop = wholeArgument(args, one ? 0 : 1, 'stop');
      const step = wholeArgument(args, 2, 'step', 1);
      if (step === 0) throw new TemplateFailure('the step of a range is zero');
      const length = Math.max(0, Math.ceil((stop - start) / step));
      budget.make(length);
      return new List(Array.from({ length }, (_, index) => start + index * step));
    },
    namespace: ({ positional, named }) => {
      const space = new Namespace();
      const [first] = positional;
      for (const [key, value] of first instanceof Dict ? first.entries() : [])
        space.attributes.set(String(key), value);
      for (const [key, value] of named) space.attributes.set(key, value);
      return space;
    },
    dict: ({ positional, named }) => {
      const [first] = positional;
      return Dict.of([...(first instanceof Dict ? first.entries() : []), ...named]);
    },
    joiner: (args) => {
      let used = false;
      const separator = textArgument(args, 0, 'sep', ', ');
      return new Callable('joiner', () => {
        const text = used ? separator : '';
        used = true;
        return text;
      });
    },
    cycler: ({ positional }) => {
      let at = 0;
      const cycler = new Namespace();
      cycler.attributes.set('next', new Callable('next', () => positional[at++ % positional.length] ?? null));
      return cycler;
    },
    strftime_now: (args) => fixedDate(textArgument(args, 0, 'format')),
    raise_exception: (args) => {
      throw new TemplateFailure(textOf(argument(args, 0, 'message') ?? 'no reason given', budget));
    },
  };
  for (const [name, call] of Object.entries(functions)) constants.push([name, new Callable(name, call)]);
  return constants;
}

const DATE: Readonly<Record<string, string>> = {
  '%d': '26',
  '%b': 'Jul',
  '%B': 'July',
  '%m': '07',
  '%Y': '2024',
  '%y': '24',
  '%A': 'Friday',
  '%a': 'Fri',
  '%H': '00',
  '%M': '00',
  '%S': '00',
  '%%': '%',
};

function fixedDate(format: string): string {
  return format.replace(/%[a-zA-Z%]/g, (code) => DATE[code] ?? code);
}
