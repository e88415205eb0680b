import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chatTemplateOf, createChatTemplate } from '../../src/prompt/chat/chat-template.js';
import { readGivenTemplate } from '../../src/template-guard/given-template.js';
import { renderGuarded } from '../../src/template-guard/render-guarded.js';
import { CHATML, NANO } from '../prompt/chat-templates.js';
import { temporaryFolder } from '../support/preference-file.js';

const TOKENS = { bosToken: '<bos>', eosToken: '<eos>', addsBos: true };
const MESSAGES = [
  { role: 'system', content: 'SYS' },
  { role: 'user', content: 'USR' },
] as const;
// The parser needs time that grows with the square of a run of blanks, which no count of steps sees.
const SLOW = `${' '.repeat(900_000)}x`;

describe('renderGuarded', () => {
  it.each([NANO, CHATML, ''])('renders what is rendered without a worker', async (source) => {
    const guarded = chatTemplateOf(await renderGuarded(source, TOKENS));
    expect(guarded.apply(MESSAGES)).toEqual(createChatTemplate(source, TOKENS).apply(MESSAGES));
  });

  it('renders a template once', async () => {
    const source = `${NANO} `;
    expect(await renderGuarded(source, TOKENS)).toBe(await renderGuarded(source, TOKENS));
  });

  it('answers as the renderer does where a template cannot be used', async () => {
    await expect(renderGuarded('{% if', TOKENS)).rejects.toMatchObject({
      code: 'MODEL_UNUSABLE',
      message: expect.stringContaining('does not parse'),
    });
    await expect(renderGuarded('silent', { ...TOKENS, name: 'the file x' })).rejects.toMatchObject({
      code: 'TEMPLATE_INVALID',
      message: expect.stringContaining('the file x'),
    });
  });

  it('ends a rendering that takes too long, and the process lives', async () => {
    await expect(renderGuarded(SLOW, TOKENS, undefined, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'MODEL_UNUSABLE',
      message: expect.stringContaining('longer than 300 ms'),
    });
  });

  it('ends a rendering that takes too much memory, and the process lives', async () => {
    await expect(renderGuarded(NANO, TOKENS, undefined, { memoryMiB: 1 })).rejects.toMatchObject({
      code: 'MODEL_UNUSABLE',
      message: expect.stringContaining('1 MiB'),
    });
  });

  it('stops at the signal', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const rendering = renderGuarded(`${SLOW} `, TOKENS, stop.signal, { timeoutMs: 60_000 });
    setTimeout(() => stop.abort(reason), 50);
    await expect(rendering).rejects.toBe(reason);
    await expect(renderGuarded(NANO, TOKENS, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('leaves the event loop free while it renders', async () => {
    const stop = new AbortController();
    const rendering = renderGuarded(`${SLOW}  `, TOKENS, stop.signal).catch(() => 'stopped');
    let turns = 0;
    for (const began = performance.now(); performance.now() - began < 300; turns++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    stop.abort();
    expect(await rendering).toBe('stopped');
    expect(turns).toBeGreaterThan(3);
  });
});

describe('readGivenTemplate', () => {
  it('reads a file, or takes the template itself', async () => {
    const path = join(await temporaryFolder(), 'own.jinja');
    await writeFile(path, NANO);
    expect(await readGivenTemplate(path)).toEqual({ name: `the chat template ${path}`, source: NANO });
    expect(await readGivenTemplate(NANO)).toMatchObject({ source: NANO });
  });

  it.each([
    ['missing', null, 'no such file'],
    ['empty', Buffer.from(' \n'), 'empty'],
    ['no text', Buffer.from([0xff, 0xfe, 0x00]), 'not UTF-8'],
  ])('refuses a file that is %s', async (_what, bytes, part) => {
    const path = join(await temporaryFolder(), 'own.jinja');
    if (bytes !== null) await writeFile(path, bytes);
    await expect(readGivenTemplate(path)).rejects.toMatchObject({
      code: 'TEMPLATE_INVALID',
      message: expect.stringContaining(part),
    });
  });
});
