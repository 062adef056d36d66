import type { CallEntry, CallOutcome, CallReason, CallState } from '../../shared/calls.ts';
import { unreachable } from '../../shared/errors.ts';

/**
 * A queued Airflow operation. One table of moves:
 *
 *   queued ──send──▶ sending ──accept──▶ accepted ──follow──▶ following ──settle──▶ settled
 *     ▲ │               │  │                                     (the lane goes on as soon as one is accepted)
 *     │ └─park, hold, wait─┘ and from there: send again          sending ──settle──▶ settled, where nothing is left to follow
 *     └──requeue (a person)── dead ◀──die── any of those not accepted      discard (a person): whatever is not on its way
 *
 * `sending` is on disk before the request leaves: found after a kill, it means that nobody knows.
 */
export type CallMove =
  | { readonly move: 'send' }
  | { readonly move: 'wait'; readonly for: 'network' | 'airflow'; readonly retryAt: number }
  | { readonly move: 'park'; readonly for: 'sign-in' | 'other-user' }
  | { readonly move: 'hold'; readonly for: 'dag-missing' | 'forbidden'; readonly retryAt: number }
  | { readonly move: 'accept'; readonly runId: string; readonly lookAt: number }
  | { readonly move: 'follow'; readonly run: 'queued' | 'running'; readonly paused: boolean; readonly lookAt: number }
  | { readonly move: 'look-later'; readonly lookAt: number }
  | { readonly move: 'settle'; readonly outcome: CallOutcome; readonly at: number }
  | { readonly move: 'die'; readonly reason: CallReason; readonly at: number }
  | { readonly move: 'requeue' }
  | { readonly move: 'discard' };

/** The call's row. What was asked for never changes. */
export interface StoredCall extends CallEntry {
  /** Its place in its lane. */
  readonly seq: number;
  /** Fixed when captured: a resend, also by a copy of this device's storage, meets its own run. */
  readonly runId: string;
}

const BEFORE = ['send', 'wait', 'park', 'hold', 'settle', 'die'] as const;
const AFTER = ['follow', 'look-later', 'settle'] as const;
const MOVES: Readonly<Record<CallState['kind'], readonly CallMove['move'][]>> = {
  queued: [...BEFORE, 'discard'],
  sending: [...BEFORE, 'accept'],
  waiting: [...BEFORE, 'discard'],
  parked: [...BEFORE, 'discard'],
  held: [...BEFORE, 'discard'],
  accepted: AFTER,
  following: AFTER,
  settled: ['discard'],
  dead: ['requeue', 'discard'],
  discarded: [],
};

/** The one transition function. Throws on an illegal move: that is a bug, never an outcome. */
export function moveCall(state: CallState, move: CallMove): CallState {
  if (!MOVES[state.kind].includes(move.move)) throw new Error(`a call cannot ${move.move} while ${state.kind}`);
  switch (move.move) {
    case 'send':
      return { kind: 'sending', failures: failuresOf(state) };
    case 'wait':
      return { kind: 'waiting', for: move.for, retryAt: move.retryAt, failures: failuresOf(state) + 1 };
    case 'park':
      return { kind: 'parked', for: move.for };
    case 'hold':
      return { kind: 'held', for: move.for, retryAt: move.retryAt, failures: failuresOf(state) + 1 };
    case 'accept':
      return { kind: 'accepted', runId: move.runId, lookAt: move.lookAt, looks: 0 };
    case 'follow':
      return followed(state, move);
    case 'look-later':
      return 'looks' in state ? { ...state, lookAt: move.lookAt, looks: state.looks + 1 } : state;
    case 'settle':
      return { kind: 'settled', outcome: move.outcome, at: move.at };
    case 'die':
      return { kind: 'dead', reason: move.reason, at: move.at };
    case 'requeue':
      return { kind: 'queued' };
    case 'discard':
      return { kind: 'discarded' };
    default:
      return unreachable(move);
  }
}

/** Something new is looked at again soon; what stays as it is, less and less often. */
function followed(state: CallState, { run, paused, lookAt }: Extract<CallMove, { move: 'follow' }>): CallState {
  if (!('looks' in state)) return state;
  const isSame = state.kind === 'following' && state.run === run && state.paused === paused;
  return { kind: 'following', runId: state.runId, run, paused, lookAt, looks: isSame ? state.looks + 1 : 0 };
}

/** Whether a person may give it up: what is on its way is followed to its end. */
export const mayDiscard = ({ kind }: CallState): boolean => MOVES[kind].includes('discard');

/** How often it has failed in a row. */
export const failuresOf = (state: CallState): number => ('failures' in state ? state.failures : 0);

/** Not in Airflow yet, for all we know: it holds up its lane and needs a wake-up. */
export const isUnsent = ({ kind }: CallState): boolean => kind === 'queued' || kind === 'sending' || kind === 'waiting' || kind === 'parked' || kind === 'held';
/** In Airflow, and looked at until it ends. */
export const isFollowed = ({ kind }: CallState): boolean => kind === 'accepted' || kind === 'following';
