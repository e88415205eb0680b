import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseTemplateFile } from '../../src/prompt/template/imported-template.js';
import { templateFromPython } from '../../src/prompt/template/python-template.js';
import { importAuthorsTemplate } from '../../src/template-files/import-authors.js';

const folder = mkdtempSync(join(tmpdir(), 'pgenrm-import-'));
afterAll(() => rmSync(folder, { recursive: true }));

const USER = 'Q: {user_input}\nA: {response_1}\nB: {response_2}\nReply as {{"a": 1}}.';
const FILE = `# Texts made up for this test: USER_PROMPT_TEMPLATE = "not this"
import os
NOTE = '''USER_PROMPT_TEMPLATE = "nor this"'''

USER_PREFERENCE_ANALYSIS_PROMPT = """Look at what this person picked:
{few_shots}
Answer with {{"x": "a\\\\nb"}} and say \\"done\\".\\tNow \\
go on."""

def f(x={}):
    USER_PROMPT_TEMPLATE = "indented, not a constant"
    return {'a': f"{x}"}

USER_PROMPT_TEMPLATE = '''${USER}'''
`;
const SYSTEM =
  'Look at what this person picked:\n{few_shots}\nAnswer with {{"x": "a\\nb"}} and say "done".\tNow go on.';
const bytes = (text: string) => new TextEncoder().encode(text);
const importText = (text: string) => templateFromPython(bytes(text), 'PROMPTS.py');
const constants = (system: string, user: string) =>
  `USER_PREFERENCE_ANALYSIS_PROMPT = ${system}\nUSER_PROMPT_TEMPLATE = ${user}\n`;
const PLAIN_USER = '"{user_input}{response_1}{response_2}"';

const input = {
  user: {
    history: [{ context: [{ role: 'user' as const, content: 'q1' }], chosen: 'c1', rejected: 'r1 {x}' }],
  },
  context: [{ role: 'user' as const, content: '{response_2} $&' }],
  responses: ['one', 'two [The End of Response 1]'],
};

describe('importing the authors’ templates', () => {
  it('reads both constants without running Python', () => {
    const file = importText(FILE);
    expect(file).toMatchObject({ pgenrmTemplate: 1, name: 'imported', system: SYSTEM, user: USER });
    expect(file.source.file).toBe('PROMPTS.py');
    expect(file.source.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('fills the slots and leaves braces in contents alone', () => {
    const template = parseTemplateFile(JSON.stringify(importText(FILE)), 'x.json');
    expect(template.render(input)).toEqual([
      {
        role: 'system',
        content:
          'Look at what this person picked:\nUser: q1\nChosen: c1\nRejected: r1 {x}\nAnswer with {"x": "a\nb"} and say "done".\tNow go on.'.replace(
            'a\nb',
            'a\\nb',
          ),
      },
      {
        role: 'user',
        content: 'Q: {response_2} $&\nA: one\nB: two (The End of Response 1)\nReply as {"a": 1}.',
      },
    ]);
  });

  it('puts stated criteria after the events, and says where there is no history', () => {
    const template = parseTemplateFile(
      JSON.stringify(importText(constants('"<{few_shots}>"', PLAIN_USER))),
      'x',
    );
    const criteria = "[The Start of User's stated criteria]\nbrief\n[The End of User's stated criteria]";
    expect(template.render({ ...input, user: { ...input.user, criteria: ' brief' } })[0]!.content).toBe(
      `<User: q1\nChosen: c1\nRejected: r1 {x}\n\n${criteria}>`,
    );
    expect(template.render({ ...input, user: { history: [] } })[0]!.content).toBe(
      '<No preference history is known for this user.>',
    );
  });

  it('compares exactly two responses', () => {
    const template = parseTemplateFile(JSON.stringify(importText(FILE)), 'x');
    expect(() => template.render({ ...input, responses: ['a', 'b', 'c'] })).toThrowError(
      expect.objectContaining({
        code: 'TEMPLATE_INVALID',
        message: expect.stringMatching(/exactly two.*got 3/),
      }),
    );
  });

  it('has a hash of its texts, not of their source', () => {
    const hashOf = (text: string) => parseTemplateFile(JSON.stringify(importText(text)), 'x').hash;
    expect(hashOf(FILE)).toBe(hashOf(`# another comment\n${FILE}`));
    expect(hashOf(FILE)).not.toBe(hashOf(FILE.replace('picked', 'chose')));
  });

  it.each([
    ['CRLF', FILE.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\uFEFF${FILE}`],
    ['the other triple quotes', FILE.replace(/"""/g, "'''")],
    ['type annotations', FILE.replaceAll(/^(USER_\w+) =/gm, '$1: str =')],
    [
      'brackets and adjacent literals',
      FILE.replace(
        /'''(Q: [\s\S]*)'''/,
        (_all, text: string) => `(\n  """${text.slice(0, 9)}"""  # first\n  '''${text.slice(9)}'''\n)`,
      ),
    ],
    ['.strip()', FILE.replace(/'''(Q: [\s\S]*)'''/, (_all, text: string) => `'''\n${text}\n\n'''.strip()`)],
    ['an earlier assignment that a later one replaces', `USER_PROMPT_TEMPLATE = "{old}"\n${FILE}`],
    ['an earlier value that is no string', `USER_PROMPT_TEMPLATE = None\n${FILE}`],
    ['the prefix u', FILE.replace("'''Q", "u'''Q")],
  ])('takes %s', (_what, text) => {
    expect(text).not.toBe(FILE);
    expect(importText(text)).toMatchObject({ system: SYSTEM, user: USER });
  });

  it('leaves escapes in raw strings and resolves them in others', () => {
    const file = importText(
      constants(`r"""\\d {few_shots}"""`, `"\\x41\\u00e9\\U0001F600\\101\\q\\'${PLAIN_USER.slice(1)}`),
    );
    expect(file.system).toBe('\\d {few_shots}');
    expect(file.user).toBe("Aé😀A\\q'{user_input}{response_1}{response_2}");
  });

  it.each([
    [
      'a missing constant',
      'USER_PREFERENCE_ANALYSIS_PROMPT = "{few_shots}"',
      /USER_PROMPT_TEMPLATE is missing/,
    ],
    ['nothing', '', /USER_PREFERENCE_ANALYSIS_PROMPT is missing/],
    [
      'a missing slot',
      constants('"x"', PLAIN_USER),
      /USER_PREFERENCE_ANALYSIS_PROMPT: the slot \{few_shots\} is missing/,
    ],
    [
      'two missing slots',
      constants('"{few_shots}"', '"{response_1}"'),
      /USER_PROMPT_TEMPLATE: the slot \{user_input\}, \{response_2\} is missing/,
    ],
    [
      'an unknown slot',
      constants('"a\\n {few_shots} {persona}"', PLAIN_USER),
      /line 2, column 14 .*unknown slot \{persona\}/,
    ],
    ['an unnamed slot', constants('"{few_shots} {}"', PLAIN_USER), /unknown slot \{\}/],
    ['a slot with a conversion', constants('"{few_shots!r}"', PLAIN_USER), /unknown slot \{few_shots!r\}/],
    ['an open brace', constants('"{few_shots} {oops"', PLAIN_USER), /'\{' is not closed/],
    ['a nested brace', constants('"{few_shots} {a{b}}"', PLAIN_USER), /'\{' is not closed/],
    ['a closing brace', constants('"{few_shots} }"', PLAIN_USER), /'\}' closes nothing/],
    [
      'an unclosed triple quote',
      constants('"""{few_shots}', ''),
      /PROMPTS\.py, line 1: a string opened with """ is not closed/,
    ],
    [
      'a string over the line end',
      constants('"{few_shots}\n"', PLAIN_USER),
      /line 1: a string opened with " is not closed/,
    ],
    [
      'an f-string',
      constants('f"{few_shots}"', PLAIN_USER),
      /line 1: expected a plain string, got the prefix 'f'/,
    ],
    ['a byte string', constants('b"{few_shots}"', PLAIN_USER), /prefix 'b'/],
    ['a character by name', constants('"{few_shots}\\N{BULLET}"', PLAIN_USER), /by name/],
    [
      'a computed value',
      constants('"{few_shots}" + X', PLAIN_USER),
      /line 1: expected the end of the assignment/,
    ],
    [
      'a value that is no string',
      constants('load("x")', PLAIN_USER),
      /USER_PREFERENCE_ANALYSIS_PROMPT is missing/,
    ],
  ])('refuses %s', (_what, text, message) => {
    expect(() => importText(text)).toThrowError(
      expect.objectContaining({ code: 'TEMPLATE_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => templateFromPython(Uint8Array.of(0x41, 0xff, 0xfe), 'x.py')).toThrowError(
      expect.objectContaining({ code: 'TEMPLATE_INVALID', message: expect.stringContaining('UTF-8') }),
    );
  });

  it('reads from a path and names a file that is not there', async () => {
    const path = join(folder, 'PROMPTS.py');
    writeFileSync(path, FILE);
    const file = await importAuthorsTemplate(path, { name: 'theirs' });
    expect(file).toMatchObject({ name: 'theirs', system: SYSTEM, source: { file: 'PROMPTS.py' } });
    await expect(importAuthorsTemplate(join(folder, 'none.py'))).rejects.toMatchObject({
      code: 'INPUT_NOT_FOUND',
      message: expect.stringContaining('none.py'),
    });
  });
});
