// Keeps a dependency that writes to the console quiet: what it would print is handed to the caller.
// Only what runs inside the guarded call is caught; other code in the process prints as ever.
import { AsyncLocalStorage } from 'node:async_hooks';
import nodeConsole from 'node:console';
import { format, stripVTControlCharacters } from 'node:util';

type Method = 'debug' | 'error' | 'info' | 'log' | 'warn';
type Consoles = Pick<Console, Method>;

const METHODS: readonly Method[] = ['debug', 'error', 'info', 'log', 'warn'];
const listeners = new AsyncLocalStorage<(line: string) => void>();
let users = 0;
let undo: (() => void)[] = [];

function guard(target: Consoles): void {
  for (const method of METHODS) {
    const original = target[method];
    const guarded = (...parts: unknown[]): void => {
      const listener = listeners.getStore();
      if (listener === undefined) Reflect.apply(original, target, parts);
      else listener(stripVTControlCharacters(format(...parts)));
    };
    target[method] = guarded;
    undo.push(() => {
      if (target[method] === guarded) target[method] = original;
    });
  }
}

/** Runs `action`; each line that it would have written to the console goes to `onLine` instead. */
export async function withQuietConsole<T>(
  onLine: (line: string) => void,
  action: () => Promise<T>,
): Promise<T> {
  if (users++ === 0) for (const target of new Set<Consoles>([nodeConsole, console])) guard(target);
  try {
    return await listeners.run(onLine, action);
  } finally {
    if (--users === 0) {
      for (const restore of undo) restore();
      undo = [];
    }
  }
}
