// Renders a chat template around placeholders, so that it never sees a message: plain data comes out.
// Knows how templates want their messages; nothing of what the messages say.

import { messageOf, PgenrmError } from '../../errors.js';
import { LimitReached } from '../jinja/budget.js';
import { type ParsedTemplate, parseChatTemplate } from '../jinja/render.js';
import type { ChatMessage } from '../template/template.js';

/** What a chat template may ask for besides the messages. */
export interface ChatTemplateOptions {
  /** Text of the token that begins a sequence, or ''. */
  readonly bosToken: string;
  /** Text of the token that ends a sequence, or ''. */
  readonly eosToken: string;
  /** Whether a prompt begins with `bosToken` though the template prints none; default false. */
  readonly addsBos?: boolean;
  /** What errors call the template, where it is not the model's own. */
  readonly name?: string;
}

type Role = ChatMessage['role'];

/** Text of the template, or the place of a message; `start` and `end`: whether its white space there is taken away. */
export type SkeletonPart =
  | { readonly text: string }
  | { readonly role: Role; readonly start: boolean; readonly end: boolean };

/** A rendered template with places for its messages. Plain data. */
export interface ChatSkeleton {
  readonly systemRole: 'own' | 'merged';
  readonly parts: readonly SkeletonPart[];
}

// Letters and digits only: no filter of a chat template changes them.
const SENTINEL = { system: 'pgenrmSlotSystemX7q', user: 'pgenrmSlotUserX7q' } as const;
// Set around a sentinel to see whether the template trims contents.
const PROBE = ' \t ';
// A reason comes from the template, which may be anybody's.
const REASON_MAX_CHARS = 300;

const PLAIN = "{% for message in messages %}{{ message.content }}{{ '\\n\\n' }}{% endfor %}";

/** How templates want their messages, in the order in which the ways are tried. */
const WAYS = [
  { systemRole: 'own', roles: ['system', 'user'], inParts: false },
  { systemRole: 'own', roles: ['system', 'user'], inParts: true },
  { systemRole: 'merged', roles: ['user'], inParts: false },
  { systemRole: 'merged', roles: ['user'], inParts: true },
] as const;

type Way = (typeof WAYS)[number];

/** Renders a template; see `createChatTemplate` for what it does and throws. */
export function renderSkeleton(source: string, options: ChatTemplateOptions): ChatSkeleton {
  const fail = (what: string, cause: unknown): PgenrmError =>
    new PgenrmError(
      options.name === undefined ? 'MODEL_UNUSABLE' : 'TEMPLATE_INVALID',
      `${options.name ?? "the model's chat template"} ${what}: ${reasonOf(cause)}`,
      { cause },
    );
  let template: ParsedTemplate;
  try {
    template = parseChatTemplate(source.trim() === '' ? PLAIN : source);
  } catch (error) {
    throw fail('does not parse', error);
  }
  const reasons: unknown[] = [];
  for (const way of WAYS) {
    try {
      const parts = skeletonParts(template, way, options);
      return { systemRole: way.systemRole, parts: withBos(parts, options) };
    } catch (error) {
      if (error instanceof LimitReached || error instanceof RangeError)
        throw fail('cannot be rendered', error);
      reasons.push(error);
    }
  }
  // Of the ways without a system role, the one with plain texts is what most templates take.
  throw fail('cannot render a user message', reasons[2]);
}

/** Throws where the template fails or does not print each message once, in order. */
function skeletonParts(template: ParsedTemplate, way: Way, options: ChatTemplateOptions): SkeletonPart[] {
  const rendered = template.render({
    messages: way.roles.map((role) => {
      const text = `${PROBE}${SENTINEL[role]}${PROBE}`;
      return { role, content: way.inParts ? [{ type: 'text', text }] : text };
    }),
    add_generation_prompt: true,
    enable_thinking: false,
    bos_token: options.bosToken,
    eos_token: options.eosToken,
  });
  const parts = splitAtSentinels(rendered);
  const found = parts.flatMap((part) => ('text' in part ? [] : [part.role]));
  if (found.join() !== way.roles.join()) {
    throw new Error(`of the messages ${way.roles.join(', ')} it prints ${found.join(', ') || 'none'}`);
  }
  // A template that takes texts prints a list of parts as Python or JSON would.
  if (way.inParts && /['"]type['"]: ['"]text['"]/.test(rendered)) throw new Error('it takes no parts');
  return parts;
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

function withBos(parts: SkeletonPart[], { bosToken, addsBos = false }: ChatTemplateOptions): SkeletonPart[] {
  const [first] = parts;
  if (!addsBos || bosToken === '') return parts;
  if (first !== undefined && 'text' in first && first.text.startsWith(bosToken)) return parts;
  return [{ text: bosToken }, ...parts];
}

function reasonOf(error: unknown): string {
  const reason = error instanceof RangeError ? 'it is nested too deep' : messageOf(error);
  const shown = reason.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();
  return shown.length <= REASON_MAX_CHARS ? shown : `${shown.slice(0, REASON_MAX_CHARS)}…`;
}
