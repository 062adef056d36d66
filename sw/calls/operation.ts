import type { CallOutcome, CallReason, CallRequest, OperationName } from '../../shared/calls.ts';
import type { AuthReason } from '../../shared/messages.ts';
import type { HttpRequest } from '../transport/http.ts';

/** The request of each operation. */
export type Requests = { readonly [N in OperationName]: Extract<CallRequest, { operation: N }> };

/** What one attempt means for the call. */
export type CallEffect =
  | { readonly effect: 'accept'; readonly runId: string } // done; what comes of it is followed
  | { readonly effect: 'settle'; readonly outcome: CallOutcome }
  | { readonly effect: 'retry'; readonly for: 'network' | 'airflow'; readonly retryAfterMs?: number }
  | { readonly effect: 'sign-in'; readonly reason: AuthReason }
  | { readonly effect: 'hold'; readonly for: 'dag-missing' | 'forbidden' }
  | { readonly effect: 'die'; readonly reason: CallReason };

/** One call's operation: what is sent, what its answers mean, and how it may be repeated. */
export type Operation = {
  readonly lane: string;
  /** The DAG it is about: what the allow-list names. */
  readonly dagId: string;
  readonly request: HttpRequest;
  /** What Airflow's 200 means; undefined where it is no answer to this. */
  readonly read: (json: unknown) => CallEffect | undefined;
  /** What its 404 means, in its own words. */
  readonly missing: (message: string) => CallEffect;
} & ({ readonly repeats: 'idempotent' | 'probe'; readonly look: Look } | { readonly repeats: 'once' });

/** How things stand in Airflow. */
export interface Look {
  readonly path: string;
  /** Undefined where it is no answer to this. */
  readonly read: (json: unknown) => CallEffect | 'not-done' | undefined;
  readonly missing: CallEffect | 'not-done';
}

export const REQUEST_TIMEOUT_MS = 20_000;

/** Names are encoded part by part; `shared/calls.ts` has refused those that would name another path. */
export const apiPath = (...parts: readonly (string | number)[]): string => `/api/v2/${parts.map((part) => encodeURIComponent(part)).join('/')}`;

export const get = (path: string): HttpRequest => ({ method: 'GET', path, timeoutMs: REQUEST_TIMEOUT_MS });
export const withBody = (method: 'POST' | 'PATCH', path: string, body: object): HttpRequest => ({
  method,
  path,
  body: JSON.stringify(body),
  timeoutMs: REQUEST_TIMEOUT_MS,
});

export const refused = (message: string, status: number): CallEffect => ({ effect: 'die', reason: { kind: 'refused', message, status } });
