import { defined } from '../../shared/defined.ts';
import { unreachable } from '../../shared/errors.ts';
import { backoffMs, isDue } from '../replay/backoff.ts';
import type { CallState } from '../../shared/calls.ts';
import type { Effect } from '../transport/transport.ts';
import { failuresOf, type CallMove, type StoredCall } from '../state/call.ts';
import type { CallEffect } from './operation.ts';

/** Shortest wait of a held call: a missing DAG or right is mended by hand, not within seconds. */
const HOLD_MS_MIN = 10_000;
/**
 * Times that a call is turned away, while Airflow answers other requests, before the call dies and
 * its lane goes on.
 */
const TURNED_AWAY_MAX = 3;

/** Decides the call's next move from an attempt's outcome. `fraction`: random, in [0, 1). */
export function moveAfter(
  { state, turnedAway = 0 }: Pick<StoredCall, 'state' | 'turnedAway'>,
  effect: CallEffect,
  moment: { readonly now: number; readonly fraction: number; readonly online: boolean },
): CallMove {
  const { now, fraction, online } = moment;
  const wait = (retryAfterMs?: number): number =>
    backoffMs(failuresOf(state) + 1, fraction, retryAfterMs);
  switch (effect.kind) {
    case 'accept':
      return { kind: 'accept', runId: effect.runId, lookAt: now };
    case 'settle':
      return { kind: 'settle', outcome: effect.outcome, at: now };
    case 'retry':
      return {
        kind: 'wait',
        for: effect.for === 'network' && online ? 'airflow' : effect.for,
        retryAt: now + wait(effect.retryAfterMs),
      };
    case 'sign-in':
      return { kind: 'park', for: effect.reason === 'other-user' ? 'other-user' : 'sign-in' };
    case 'hold':
      return { kind: 'hold', for: effect.for, retryAt: now + Math.max(HOLD_MS_MIN, wait()) };
    case 'turned-away':
      if (turnedAway + 1 >= TURNED_AWAY_MAX) return { kind: 'die', reason: effect.reason, at: now };
      return {
        kind: 'wait',
        for: turnedAway === 0 ? 'airflow' : 'refused-on-the-way',
        retryAt: now + backoffMs(turnedAway + 1, fraction),
        turnedAway: turnedAway + 1,
      };
    case 'die':
      return { kind: 'die', reason: effect.reason, at: now };
    default:
      return unreachable(effect);
  }
}

/**
 * Translates an obstacle met before the call was sent (credentials, Airflow's state) into the
 * call's terms.
 */
export function effectOfRefusal(effect: Effect): CallEffect {
  switch (effect.kind) {
    case 'sign-in':
      return effect;
    case 'retry':
      return {
        kind: 'retry',
        for: effect.for,
        ...defined({ retryAfterMs: effect.retryAfterMs }),
      };
    case 'hold':
      return effect.for === 'forbidden'
        ? { kind: 'hold', for: 'forbidden' }
        : { kind: 'retry', for: 'airflow' };
    case 'settle':
    case 'next-attempt':
    case 'wait-run':
    case 'refuse':
    case 'turned-away':
      return { kind: 'retry', for: 'airflow' };
    default:
      return unreachable(effect);
  }
}

/**
 * Whether a call may be sent or looked at now. `isPressing`: something has changed, so the due time
 * is ignored.
 */
export function isCallDue(state: CallState, now: number, isPressing: boolean): boolean {
  switch (state.kind) {
    case 'queued':
    case 'sending':
    case 'parked': // the replica knows whether anybody is signed in
      return true;
    case 'waiting':
    case 'held':
      return isPressing || isDue(state.retryAt, now);
    case 'accepted':
    case 'following':
      return isPressing || isDue(state.lookAt, now);
    case 'settled':
    case 'dead':
    case 'discarded':
      return false;
    default:
      return unreachable(state);
  }
}
