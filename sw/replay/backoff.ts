import type { WakeReason } from '../../shared/history.ts';
import type { WaitingFor } from '../../shared/status.ts';
import type { Replica } from '../store/replica.ts';

const FIRST_MS = 1_000;
const CAP_MS = 300_000;
/** No server may send a device away for longer; a wait that is longer means that the device's clock has jumped. */
export const WAIT_MAX_MS = 3_600_000;
/** Something has changed, or a chance comes that may not come again: these do not wait for the backoff. */
const PRESSING: readonly WakeReason[] = ['sync-event', 'periodic-sync', 'connect', 'online', 'visible', 'sign-in', 'person', 'airflow-back'];

/** Whether the reason does not wait for a due time. */
export const isPressing = (reason: WakeReason): boolean => PRESSING.includes(reason);

/** A server that has named its time this often in a row is in trouble like any other. */
const PLANNED_MAX = 5;

/**
 * Full jitter (Brooker, "Exponential Backoff and Jitter", AWS 2015): uniform in [0, min(cap, first · 2^failures)]. A server that names a time has
 * a plan for all who wait: it is followed, up to a fifth later, instead of being made longer by chance.
 */
export function backoffMs(failures: number, fraction: number, retryAfterMs?: number): number {
  const byChance = (doublings: number): number => Math.round(fraction * Math.min(CAP_MS, FIRST_MS * 2 ** doublings));
  if (retryAfterMs === undefined) return byChance(failures);
  const planned = Math.min(WAIT_MAX_MS, Math.round(retryAfterMs * (1 + fraction / 5)));
  return Math.max(planned, failures > PLANNED_MAX ? byChance(failures - PLANNED_MAX) : 0);
}

/** The backoff after one more failure; `until` where somebody else has set the time. */
export function nextBackoff(
  before: Replica['backoff'],
  waitingFor: WaitingFor,
  now: number,
  fraction: number,
  until?: number,
): NonNullable<Replica['backoff']> & { readonly until: number } {
  const failures = (before?.failures ?? 0) + 1;
  return { for: waitingFor, failures, until: until ?? now + backoffMs(failures, fraction) };
}

/** Whether a due time (ms since 1970) has come. A wait longer than any that is ever set means that the clock has jumped. */
export const isDue = (until: number, now: number): boolean => until <= now || until - now > WAIT_MAX_MS;

/** Offline nothing is sealed, so that one batch takes it all; only what may know better than `navigator.onLine` tries. */
const TRIED_OFFLINE: readonly WakeReason[] = ['sync-event', 'online', 'person'];

/** Whether an attempt may start now. Parked for sign-in, only a sign-in helps; a cookie may also have been renewed elsewhere. */
export function mayTry(replica: Replica, reason: WakeReason, { now, online }: { readonly now: number; readonly online: boolean }): boolean {
  if (replica.auth.kind === 'none' || (!online && !TRIED_OFFLINE.includes(reason))) return false;
  if (replica.auth.required) return replica.auth.kind === 'cookie' && isPressing(reason);
  return isPressing(reason) || isDue(replica.backoff?.until ?? now, now);
}

/** Through the plugin a pull is one small request; else it is a DAG run. */
const PULL_INTERVAL_MS = { plugin: 15_000, dag: 300_000 } as const;

/** Whether to pull without a batch: at connect, when a person asks, and else at intervals while a page is open. */
export function wantsToPull(reasons: readonly WakeReason[], replica: Replica, now: number): boolean {
  // A failed exchange is made again; it may have been a pull.
  if (reasons.includes('connect') || reasons.includes('person') || replica.backoff) return true;
  const isPageOpen = reasons.includes('visible') || reasons.includes('heartbeat') || reasons.includes('online');
  return isPageOpen && Math.abs(now - (replica.lastPullAt ?? 0)) >= PULL_INTERVAL_MS[replica.via ?? 'dag'];
}
