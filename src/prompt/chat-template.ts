// Applies the Jinja chat template of a GGUF to messages and keeps template text and contents apart.
// Knows nothing of what the messages say, nor of tokens.

import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { messageOf, PgenrmError } from '../errors.js';
import type { ChatMessage } from './template.js';

/** A stretch of a rendered prompt: template text is trusted, message contents are not. */
export interface PromptPiece {
  readonly text: string;
  readonly trusted: boolean;
}

/** A model's chat template, ready to apply. */
export interface ChatTemplate {
  /** How the system message reaches the model: by its own role, or in front of the user message. */
  readonly systemRole: 'own' | 'merged';
  /** Renders one system and one user message up to the point where the assistant's answer begins. */
  apply(messages: readonly ChatMessage[]): PromptPiece[];
}

/** What a chat template may ask for besides the messages. */
export interface ChatTemplateOptions {
  /** Text of the token that begins a sequence, or ''. */
  readonly bosToken: string;
  /** Text of the token that ends a sequence, or ''. */
  readonly eosToken: string;
}

// Letters and digits only: no filter of a chat template changes them.
const SENTINEL = { system: 'pgenrmSlotSystemX7q', user: 'pgenrmSlotUserX7q' } as const;
// Set around a sentinel to see whether the template trims contents.
const PROBE = ' \t ';

type Program = ReturnType<typeof parse>;
type Role = ChatMessage['role'];
type SkeletonPart =
  | { readonly text: string }
  | { readonly role: Role; readonly start: boolean; readonly end: boolean };

/**
 * Compiles a chat template.
 *
 * A template that refuses, drops or misplaces a system message gets the system text in front of the user
 * message, divided by a blank line. Contents never pass through the template: it is rendered once around
 * placeholders, so a template cannot alter them beyond trimming. Templates that print today's date are given
 * 26 July 2024, and `enable_thinking` is false, so that a prompt is the same on every day and asks for no
 * hidden reasoning. Throws `MODEL_UNUSABLE` where the template does not parse or cannot hold a user message.
 */
export function createChatTemplate(source: string, options: ChatTemplateOptions): ChatTemplate {
  if (source.trim() === '') {
    throw new PgenrmError('MODEL_UNUSABLE', 'the model has no chat template; take an instruction-tuned GGUF');
  }
  let template: Program;
  try {
    template = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  } catch (error) {
    throw new PgenrmError('MODEL_UNUSABLE', `the model's chat template does not parse: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const own = trySkeleton(template, ['system', 'user'], options);
  if (own.parts !== undefined) return chatTemplate('own', own.parts);
  const merged = trySkeleton(template, ['user'], options);
  if (merged.parts !== undefined) return chatTemplate('merged', merged.parts);
  throw new PgenrmError(
    'MODEL_UNUSABLE',
    `the model's chat template cannot render a user message: ${merged.reason}`,
  );
}

function chatTemplate(systemRole: ChatTemplate['systemRole'], parts: readonly SkeletonPart[]): ChatTemplate {
  return {
    systemRole,
    apply(messages) {
      const texts = contentsByRole(messages);
      const contents =
        systemRole === 'own' ? texts : { system: '', user: `${texts.system}\n\n${texts.user}` };
      return parts.map((part) =>
        'text' in part
          ? { text: part.text, trusted: true }
          : { text: trimmed(contents[part.role], part.start, part.end), trusted: false },
      );
    },
  };
}

function contentsByRole(messages: readonly ChatMessage[]): Record<Role, string> {
  const [system, user] = messages;
  if (messages.length !== 2 || system?.role !== 'system' || user?.role !== 'user') {
    const roles = messages.map((message) => message.role).join(', ');
    throw new PgenrmError('INTERNAL', `expected a system and a user message, got: ${roles || 'none'}`);
  }
  return { system: system.content, user: user.content };
}

function trimmed(text: string, start: boolean, end: boolean): string {
  const left = start ? text.trimStart() : text;
  return end ? left.trimEnd() : left;
}

function trySkeleton(
  template: Program,
  roles: readonly Role[],
  options: ChatTemplateOptions,
): { parts?: SkeletonPart[]; reason?: string } {
  let rendered: string;
  try {
    rendered = render(template, {
      messages: roles.map((role) => ({ role, content: `${PROBE}${SENTINEL[role]}${PROBE}` })),
      add_generation_prompt: true,
      bos_token: options.bosToken,
      eos_token: options.eosToken,
    });
  } catch (error) {
    return { reason: messageOf(error) };
  }
  const parts = splitAtSentinels(rendered);
  const found = parts.flatMap((part) => ('text' in part ? [] : [part.role]));
  if (found.join() === roles.join()) return { parts };
  return { reason: `of the messages ${roles.join(', ')} it prints ${found.join(', ') || 'none'}` };
}

function splitAtSentinels(rendered: string): SkeletonPart[] {
  const parts: SkeletonPart[] = [];
  const pattern = new RegExp(`(${PROBE})?(${SENTINEL.system}|${SENTINEL.user})(${PROBE})?`, 'g');
  let from = 0;
  for (const match of rendered.matchAll(pattern)) {
    if (match.index > from) parts.push({ text: rendered.slice(from, match.index) });
    const role: Role = match[2] === SENTINEL.system ? 'system' : 'user';
    parts.push({ role, start: match[1] === undefined, end: match[3] === undefined });
    from = match.index + match[0].length;
  }
  if (from < rendered.length) parts.push({ text: rendered.slice(from) });
  return parts;
}

function render(template: Program, values: Readonly<Record<string, unknown>>): string {
  const environment = new Environment();
  for (const [name, value] of Object.entries({ ...GLOBALS, ...values })) environment.set(name, value);
  return String(new Interpreter(environment).run(template).value);
}

const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  enable_thinking: false,
  range: integerRange,
  strftime_now: fixedDate,
  raise_exception: (message: unknown) => {
    throw new PgenrmError('MODEL_UNUSABLE', String(message));
  },
};

function integerRange(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const length = step === 0 ? 0 : Math.max(0, Math.ceil((to - from) / step));
  return Array.from({ length }, (_, index) => from + index * step);
}

function fixedDate(format: unknown): string {
  const values: Readonly<Record<string, string>> = {
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
  return String(format).replace(/%[a-zA-Z%]/g, (code) => values[code] ?? code);
}
