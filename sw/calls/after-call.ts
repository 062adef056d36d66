import { unreachable } from '../../shared/errors.ts';
import { backoffMs, isDue } from '../replay/backoff.ts';
import type { CallState } from '../../shared/calls.ts';
import type { Effect } from '../transport/transport.ts';
import { failuresOf, type CallMove } from './call.ts';
import type { CallEffect } from './operation.ts';

/** A DAG that is missing or a right that is lacking comes back by somebody's hand, not within seconds. */
const HOLD_MS_MIN = 10_000;

/** The one function that decides what an attempt's outcome does to the call. `fraction`: random, in [0, 1). */
export function moveAfter(
  state: CallState,
  effect: CallEffect,
  moment: { readonly now: number; readonly fraction: number; readonly online: boolean },
): CallMove {
  const { now, fraction, online } = moment;
  const wait = (retryAfterMs?: number): number => backoffMs(failuresOf(state) + 1, fraction, retryAfterMs);
  switch (effect.effect) {
    case 'accept':
      return { move: 'accept', runId: effect.runId, lookAt: now };
    case 'settle':
      return { move: 'settle', outcome: effect.outcome, at: now };
    case 'retry':
      return { move: 'wait', for: effect.for === 'network' && online ? 'airflow' : effect.for, retryAt: now + wait(effect.retryAfterMs) };
    case 'sign-in':
      return { move: 'park', for: effect.reason === 'other-user' ? 'other-user' : 'sign-in' };
    case 'hold':
      return { move: 'hold', for: effect.for, retryAt: now + Math.max(HOLD_MS_MIN, wait()) };
    case 'die':
      return { move: 'die', reason: effect.reason, at: now };
    default:
      return unreachable(effect);
  }
}

/** What stood in the way before anything of the call was sent. */
export function effectOfRefusal(effect: Effect): CallEffect {
  switch (effect.effect) {
    case 'sign-in':
      return effect;
    case 'retry':
      return effect;
    case 'hold':
      return effect.for === 'forbidden' ? { effect: 'hold', for: 'forbidden' } : { effect: 'retry', for: 'airflow' };
    case 'settle':
    case 'next-attempt':
    case 'wait-run':
    case 'refuse':
      return { effect: 'retry', for: 'airflow' };
    default:
      return unreachable(effect);
  }
}

/** Whether a call may be tried or looked at now. `isPressing`: something has changed, so that waiting makes no sense any more. */
export function isCallDue(state: CallState, now: number, isPressing: boolean): boolean {
  switch (state.kind) {
    case 'queued':
    case 'sending':
    case 'parked': // the replica says whether anybody is signed in
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
