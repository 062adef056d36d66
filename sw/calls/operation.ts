import type { CallOutcome, CallReason, CallRequest, OperationName } from '../../shared/calls.ts';
import type { AuthReason } from '../../shared/messages.ts';
import type { HttpRequest } from '../transport/http.ts';
import type { TriedAgainFor } from '../transport/transport.ts';

/** The request of each operation. */
export type Requests = { readonly [N in OperationName]: Extract<CallRequest, { operation: N }> };

/** An attempt's outcome for the call. */
export type CallEffect =
  | { readonly kind: 'accept'; readonly runId: string } // done; the run is followed
  | { readonly kind: 'settle'; readonly outcome: CallOutcome }
  | { readonly kind: 'retry'; readonly for: TriedAgainFor; readonly retryAfterMs?: number }
  | { readonly kind: 'sign-in'; readonly reason: AuthReason }
  | { readonly kind: 'hold'; readonly for: 'dag-missing' | 'forbidden' }
  // failed while Airflow answers other requests and does not have the call
  | { readonly kind: 'turned-away'; readonly reason: CallReason }
  | { readonly kind: 'die'; readonly reason: CallReason };

/**
 * A call's operation: the request, the meaning of its answers, and how the request may be repeated.
 */
export type Operation = {
  readonly lane: string;
  /** The DAG that the allow-list must name. */
  readonly dagId: string;
  readonly request: HttpRequest;
  /** The effect of Airflow's 200; undefined where the body is no answer to this request. */
  readonly read: (json: unknown) => CallEffect | undefined;
  /** The effect of Airflow's 404, given Airflow's words. */
  readonly missing: (message: string) => CallEffect;
} & (
  | { readonly repeats: 'idempotent' | 'probe'; readonly look: Look }
  | { readonly repeats: 'once' }
);

/** A read-only request that finds out whether Airflow has done the call. */
export interface Look {
  readonly path: string;
  /** The effect of a 200; undefined where the body is no answer to this request. */
  readonly read: (json: unknown) => CallEffect | 'not-done' | undefined;
  readonly missing: CallEffect | 'not-done';
}

export const REQUEST_TIMEOUT_MS = 20_000;

/**
 * An API path of encoded parts; `shared/calls.ts` has refused names that would lead to another
 * path.
 */
export const apiPath = (...parts: readonly (string | number)[]): string =>
  `/api/v2/${parts.map((part) => encodeURIComponent(part)).join('/')}`;

export const get = (path: string): HttpRequest => ({
  method: 'GET',
  path,
  timeoutMs: REQUEST_TIMEOUT_MS,
});
export const withBody = (method: 'POST' | 'PATCH', path: string, body: object): HttpRequest => ({
  method,
  path,
  body: JSON.stringify(body),
  timeoutMs: REQUEST_TIMEOUT_MS,
});

export const refused = (message: string, status: number): CallEffect => ({
  kind: 'die',
  reason: { kind: 'refused', message, status },
});
