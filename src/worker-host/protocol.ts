// Messages between an application and its worker; plain data both ways.
// Types alone.

import type { PgenrmErrorRecord } from '../errors.js';
import type { ServiceEvent, ServiceRequest } from '../service/contract.js';
import type { ServiceLimits } from '../service/local-service.js';

/** What a worker is told. */
export type ToWorker =
  | { readonly type: 'begin'; readonly version: number; readonly limits: ServiceLimits }
  | { readonly type: 'submit'; readonly id: number; readonly request: ServiceRequest }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'close' };

/** What a worker tells. A job ends with `answer`, `error` or `cancelled`, once. */
export type FromWorker =
  | { readonly type: 'begun' }
  /** It cannot begin: another version of the contract, limits that do not fit. */
  | { readonly type: 'refused'; readonly error: PgenrmErrorRecord }
  | { readonly type: 'event'; readonly id: number; readonly event: ServiceEvent }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: PgenrmErrorRecord }
  | { readonly type: 'cancelled'; readonly id: number };
