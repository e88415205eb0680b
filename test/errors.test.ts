import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { PgenrmError } from '../src/errors.js';

describe('an error in another process', () => {
  it('keeps its code, message, stack and cause', () => {
    const cause = new PgenrmError('DECODE_FAILED', 'the inner one');
    const error = new PgenrmError('BANK_DAMAGED', 'the outer one', { cause });
    const back = PgenrmError.fromJSON(JSON.parse(JSON.stringify(error)));
    expect(back).toBeInstanceOf(PgenrmError);
    expect(back).toMatchObject({ name: 'PgenrmError', code: 'BANK_DAMAGED', message: 'the outer one' });
    expect(back.stack).toBe(error.stack);
    expect(back.cause).toBeInstanceOf(PgenrmError);
    expect(back.cause).toMatchObject({ code: 'DECODE_FAILED', message: 'the inner one' });
    const foreign = new PgenrmError('INTERNAL', 'of another', { cause: new TypeError('a type') });
    expect(PgenrmError.fromJSON(foreign.toJSON()).cause).toBe('a type');
    expect(PgenrmError.fromJSON(new PgenrmError('DISPOSED', 'alone').toJSON()).cause).toBeUndefined();
  });

  it('crosses to a thread as a record', async () => {
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads'); parentPort.on('message', (m) => { parentPort.postMessage(m); parentPort.close(); });`,
      { eval: true },
    );
    worker.postMessage(new PgenrmError('OUT_OF_MEMORY', 'too much').toJSON());
    const record = await new Promise((resolve) => worker.once('message', resolve));
    expect(PgenrmError.fromJSON(record)).toMatchObject({ code: 'OUT_OF_MEMORY', message: 'too much' });
  });

  it.each([undefined, null, 'text', {}, { code: 'NOVEL', message: 'm' }, { code: 'DISPOSED' }])(
    'is not made of %j',
    (record) => {
      expect(() => PgenrmError.fromJSON(record)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    },
  );
});
