import { defined } from '../../shared/defined.ts';
import type { WakeReason } from '../../shared/history.ts';
import type { WaitingFor } from '../../shared/status.ts';
import type { Replica } from '../state/replica.ts';

const FIRST_MS = 1_000;
const CAP_MS = 300_000;
/**
 * Upper limit of a wait that a server sets; a longer wait means that the device's clock has jumped.
 */
export const WAIT_MAX_MS = 3_600_000;
/**
 * Wake reasons that ignore the backoff: something has changed, or the chance may not come again.
 */
const PRESSING: readonly WakeReason[] = [
  'sync-event',
  'periodic-sync',
  'connect',
  'online',
  'visible',
  'sign-in',
  'person',
  'airflow-back',
];

/** Whether the reason ignores due times. */
export const isPressing = (reason: WakeReason): boolean => PRESSING.includes(reason);

/**
 * Failures in a row after which the server's own times no longer replace the backoff: the server is
 * in trouble like any other.
 */
const PLANNED_MAX = 5;

/**
 * Full jitter (Brooker, "Exponential Backoff and Jitter", AWS 2015): uniform in [0, min(cap, first
 * · 2^failures)]. A time named by the server is a plan for all clients: the device follows the
 * plan, up to a fifth later, and adds no backoff at first.
 */
export function backoffMs(failures: number, fraction: number, retryAfterMs?: number): number {
  const byChance = (doublings: number): number =>
    Math.round(fraction * Math.min(CAP_MS, FIRST_MS * 2 ** doublings));
  if (retryAfterMs === undefined) return byChance(failures);
  const planned = Math.min(WAIT_MAX_MS, Math.round(retryAfterMs * (1 + fraction / 5)));
  return Math.max(planned, failures > PLANNED_MAX ? byChance(failures - PLANNED_MAX) : 0);
}

/**
 * The reason why nothing was settled. `until`: due time set by the server or the circuit (ms since
 * 1970). `message`: the server's own words.
 */
export interface Failure {
  readonly for: WaitingFor;
  readonly until?: number | undefined;
  readonly message?: string | undefined;
}

/** The backoff after another failure. */
export function nextBackoff(
  before: Replica['backoff'],
  { for: waitingFor, until, message }: Failure,
  now: number,
  fraction: number,
): NonNullable<Replica['backoff']> & { readonly until: number } {
  const failures = (before?.failures ?? 0) + 1;
  return {
    for: waitingFor,
    failures,
    until: until ?? now + backoffMs(failures, fraction),
    ...defined({ message }),
  };
}

/**
 * Whether a due time (ms since 1970) has come. A wait beyond the longest possible wait means that
 * the clock has jumped.
 */
export const isDue = (until: number, now: number): boolean =>
  until <= now || until - now > WAIT_MAX_MS;

/**
 * Wake reasons that try while the browser says "offline", because `navigator.onLine` may be wrong.
 * Nothing is sealed offline, so that a single batch takes everything.
 */
const TRIED_OFFLINE: readonly WakeReason[] = ['sync-event', 'online', 'person'];

/**
 * Whether an attempt may start now. While a sign-in is required nothing but a sign-in allows an
 * attempt; a cookie is tried for pressing reasons, because another page may have renewed the
 * cookie.
 */
export function mayTry(
  replica: Replica,
  reason: WakeReason,
  { now, online }: { readonly now: number; readonly online: boolean },
): boolean {
  if (replica.auth.kind === 'none' || (!online && !TRIED_OFFLINE.includes(reason))) return false;
  if (replica.auth.required) return replica.auth.kind === 'cookie' && isPressing(reason);
  return isPressing(reason) || isDue(replica.backoff?.until ?? now, now);
}

/** A pull is a small request through the plugin, but a DAG run through the dag transport. */
const PULL_INTERVAL_MS = { plugin: 15_000, dag: 300_000 } as const;

/** Wake reasons that pull at once; the pull of a sign-in also shows whether the token is good. */
const PULLING: readonly WakeReason[] = ['connect', 'person', 'sign-in'];

/**
 * Whether to pull without a batch: at connect, after a sign-in, when a person asks, otherwise at
 * intervals while a page is open.
 */
export function wantsToPull(
  reasons: readonly WakeReason[],
  replica: Replica,
  now: number,
): boolean {
  // A failed exchange is repeated; it may have been a pull.
  if (replica.backoff || reasons.some((reason) => PULLING.includes(reason))) return true;
  const isPageOpen =
    reasons.includes('visible') || reasons.includes('heartbeat') || reasons.includes('online');
  return (
    isPageOpen &&
    Math.abs(now - (replica.lastPullAt ?? 0)) >= PULL_INTERVAL_MS[replica.via ?? 'dag']
  );
}
