// Answers an application's messages with a service of this process.
// Knows the protocol; not how messages travel.

import { messageOf, PgenrmError, type PgenrmErrorRecord } from '../errors.js';
import { SERVICE_VERSION, type Service, type ServiceJob } from '../service/contract.js';
import { LocalService } from '../service/local-service.js';
import type { HostPort } from './host-port.js';
import type { FromWorker, ToWorker } from './protocol.js';

/** Milliseconds that closing may take before the worker ends all the same. */
const CLOSING_MS = 2000;

/** Serves until the application says `close` or is gone; `end` then ends the worker. */
export function servePort(port: HostPort, end: () => void): void {
  const post = (message: FromWorker): void => port.post(message);
  const jobs = new Map<number, ServiceJob<unknown>>();
  const cancelled = new Set<number>();
  let service: Service | null = null;
  let ending = false;

  const finish = (): void => {
    if (ending) return;
    ending = true;
    setTimeout(end, CLOSING_MS).unref();
    const closing = service?.close() ?? Promise.resolve();
    closing.then(end, end);
  };

  const submit = (message: Extract<ToWorker, { type: 'submit' }>): void => {
    const { id, request } = message;
    const job = service!.submit(request, (event) => post({ type: 'event', id, event }));
    jobs.set(id, job);
    job.answer
      .then(
        (value) => post({ type: 'answer', id, value }),
        (error: unknown) =>
          post(cancelled.has(id) ? { type: 'cancelled', id } : { type: 'error', id, error: recordOf(error) }),
      )
      // An answer that cannot be copied over.
      .catch((error: unknown) => post({ type: 'error', id, error: recordOf(error) }))
      .finally(() => {
        jobs.delete(id);
        cancelled.delete(id);
      });
  };

  port.onMessage((given) => {
    const message = given as ToWorker;
    if (ending) return;
    if (message.type === 'begin') {
      try {
        checkVersion(message.version);
        service = new LocalService(message.limits);
        post({ type: 'begun' });
      } catch (error) {
        post({ type: 'refused', error: recordOf(error) });
      }
    } else if (message.type === 'close') finish();
    else if (message.type === 'submit') submit(message);
    else if (jobs.has(message.id)) {
      cancelled.add(message.id);
      jobs.get(message.id)?.cancel();
    }
  });
  port.onLost(finish);
}

function checkVersion(version: unknown): void {
  if (version === SERVICE_VERSION) return;
  throw new PgenrmError(
    'INVALID_OPTION',
    `the worker speaks version ${SERVICE_VERSION} of the contract, the application ${String(version)}; both must come of the same release of pgenrm`,
  );
}

function recordOf(error: unknown): PgenrmErrorRecord {
  return error instanceof PgenrmError
    ? error.toJSON()
    : new PgenrmError('INTERNAL', messageOf(error), { cause: error }).toJSON();
}
