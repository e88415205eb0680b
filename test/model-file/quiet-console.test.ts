import { describe, expect, it, vi } from 'vitest';
import { withQuietConsole } from '../../src/model-file/quiet-console.js';

describe('withQuietConsole', () => {
  it('catches what runs inside and nothing else', async () => {
    const inside: string[] = [];
    const outside: unknown[] = [];
    const warn = vi.spyOn(console, 'warn').mockImplementation((line) => {
      outside.push(line);
    });
    let release = (): void => undefined;
    const running = withQuietConsole(
      (line) => inside.push(line),
      async () => {
        console.warn('caught %d', 1);
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        console.warn('\u001b[31mcaught\u001b[0m');
        return 7;
      },
    );
    console.warn('free');
    release();
    await expect(running).resolves.toBe(7);
    console.warn('free again');
    expect(inside).toEqual(['caught 1', 'caught']);
    expect(outside).toEqual(['free', 'free again']);
    warn.mockRestore();
  });

  it('lets errors through and restores the console', async () => {
    const before = console.error;
    await expect(
      withQuietConsole(
        () => undefined,
        () => Promise.reject(new Error('no')),
      ),
    ).rejects.toThrow('no');
    expect(console.error).toBe(before);
  });
});
