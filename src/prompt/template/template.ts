// What a prompt template is, and how one is chosen by name, by file or by the model's own wish.
// Knows nothing of chat templates, tokens or chains.

import { readFile } from 'node:fs/promises';
import { messageOf, PgenrmError } from '../../errors.js';
import type { Turn, User } from '../../preference/preference.js';
import { compactTemplate } from './compact-template.js';
import { parseTemplateFile } from './imported-template.js';
import { hashTexts } from './prompt-input.js';
import { standardTemplate } from './standard-template.js';

/** One message of the conversation that a prompt is. */
export interface ChatMessage {
  readonly role: 'system' | 'user';
  readonly content: string;
}

/** What a template writes out: one user, one context, the responses in the order of presentation. */
export interface PromptInput {
  readonly user: User;
  readonly context: readonly Turn[];
  /** Two or more. */
  readonly responses: readonly string[];
}

/**
 * Turns a user, a context and responses into chat messages.
 *
 * Everything that stands before the query is the same for all items of one user. `render` throws
 * `TEMPLATE_INVALID` where the template cannot hold the number of responses, and `INVALID_OPTION` for fewer
 * than two responses or an empty context.
 */
export interface PromptTemplate {
  readonly name: string;
  /** SHA-256 of the template's defining texts, hexadecimal. */
  readonly hash: string;
  render(input: PromptInput): ChatMessage[];
}

/** A template whose hash names the chat template too that is given in place of the model's own. */
export function withChatTemplate(template: PromptTemplate, chatTemplate: string): PromptTemplate {
  return {
    name: template.name,
    hash: hashTexts([template.hash, chatTemplate]),
    render: (input) => template.render(input),
  };
}

/** GGUF metadata key by which a model names the template that it was trained on. */
export const TEMPLATE_METADATA_KEY = 'pgenrm.template';

/** The built-in templates by name. */
export const BUILT_IN_TEMPLATES: ReadonlyMap<string, PromptTemplate> = new Map(
  [compactTemplate(), standardTemplate()].map((template) => [template.name, template]),
);

/**
 * Finds a template: a built-in by name, or an imported one by the path of its JSON file.
 *
 * Without `choice` the model's metadata key `pgenrm.template` decides where present, else `standard` is taken.
 * Throws `TEMPLATE_INVALID` where the name is unknown and no such file exists, or the file is not a template.
 */
export async function resolveTemplate(
  choice?: string,
  modelMetadata?: ReadonlyMap<string, string>,
): Promise<PromptTemplate> {
  if (choice === undefined) {
    const wished = modelMetadata?.get(TEMPLATE_METADATA_KEY);
    const template = BUILT_IN_TEMPLATES.get(wished ?? 'standard');
    if (template === undefined) {
      throw new PgenrmError(
        'TEMPLATE_INVALID',
        `the model asks for the template '${wished}' (GGUF key ${TEMPLATE_METADATA_KEY}), which this version does not have (built in: ${builtInNames()}); name a template explicitly`,
      );
    }
    return template;
  }
  const builtIn = BUILT_IN_TEMPLATES.get(choice);
  if (builtIn !== undefined) return builtIn;
  let text: string;
  try {
    text = await readFile(choice, 'utf8');
  } catch (error) {
    throw new PgenrmError(
      'TEMPLATE_INVALID',
      `no template '${choice}': expected a built-in name (${builtInNames()}) or the path of a template file, and the file cannot be read: ${messageOf(error)}`,
      { cause: error },
    );
  }
  return parseTemplateFile(text, choice);
}

function builtInNames(): string {
  return [...BUILT_IN_TEMPLATES.keys()].join(', ');
}
