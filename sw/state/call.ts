import type {
  CallEntry,
  CallOutcome,
  CallReason,
  CallState,
  CallWaitingFor,
} from '../../shared/calls.ts';
import { unreachable } from '../../shared/errors.ts';

/**
 * The moves of a queued Airflow operation (`MOVES` below is the whole table):
 *
 *   queued ──send──▶ sending ──accept──▶ accepted ──follow──▶ following ──settle──▶ settled
 *
 * `wait`, `park`, `hold`, `settle` and `die` are legal from every state before `accepted`, and
 * `send` follows again. The lane goes on as soon as its call is accepted. A person requeues a dead
 * call and discards any call that is not on its way.
 * `sending` is on disk before the request leaves: found after a kill, the outcome is unknown.
 */
export type CallMove =
  | { readonly kind: 'send' }
  | {
      readonly kind: 'wait';
      readonly for: CallWaitingFor;
      readonly retryAt: number;
      readonly turnedAway?: number;
    }
  | { readonly kind: 'park'; readonly for: 'sign-in' | 'other-user' }
  | { readonly kind: 'hold'; readonly for: 'dag-missing' | 'forbidden'; readonly retryAt: number }
  | { readonly kind: 'accept'; readonly runId: string; readonly lookAt: number }
  | {
      readonly kind: 'follow';
      readonly run: 'queued' | 'running';
      readonly paused: boolean;
      readonly lookAt: number;
    }
  | { readonly kind: 'look-later'; readonly lookAt: number }
  | { readonly kind: 'settle'; readonly outcome: CallOutcome; readonly at: number }
  | { readonly kind: 'die'; readonly reason: CallReason; readonly at: number }
  | { readonly kind: 'requeue' }
  | { readonly kind: 'discard' };

/** The call's row. The request never changes. */
export interface StoredCall extends CallEntry {
  /** Orders the calls of a lane. */
  readonly seq: number;
  /** Fixed at capture: a resend meets its own run, even from a copy of this device's storage. */
  readonly runId: string;
  /** Times the call was turned away: its request failed while Airflow answered others. */
  readonly turnedAway?: number;
}

const BEFORE = ['send', 'wait', 'park', 'hold', 'settle', 'die'] as const;
const AFTER = ['follow', 'look-later', 'settle'] as const;
const MOVES: Readonly<Record<CallState['kind'], readonly CallMove['kind'][]>> = {
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

/** The only transition function. Throws on an illegal move: a bug, never an outcome. */
export function moveCall(state: CallState, move: CallMove): CallState {
  if (!MOVES[state.kind].includes(move.kind))
    throw new Error(`a call cannot ${move.kind} while ${state.kind}`);
  switch (move.kind) {
    case 'send':
      return { kind: 'sending', failures: failuresOf(state) };
    case 'wait':
      return {
        kind: 'waiting',
        for: move.for,
        retryAt: move.retryAt,
        failures: failuresOf(state) + 1,
      };
    case 'park':
      return { kind: 'parked', for: move.for };
    case 'hold':
      return {
        kind: 'held',
        for: move.for,
        retryAt: move.retryAt,
        failures: failuresOf(state) + 1,
      };
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

/**
 * Resets the count of looks when run or pause changed: a changed run is looked at again soon, an
 * unchanged run less and less often.
 */
function followed(
  state: CallState,
  { run, paused, lookAt }: Extract<CallMove, { kind: 'follow' }>,
): CallState {
  if (!('looks' in state)) return state;
  const isSame = state.kind === 'following' && state.run === run && state.paused === paused;
  return {
    kind: 'following',
    runId: state.runId,
    run,
    paused,
    lookAt,
    looks: isSame ? state.looks + 1 : 0,
  };
}

/** Whether a person may discard the call: a call on its way is followed to its end. */
export const mayDiscard = ({ kind }: CallState): boolean => MOVES[kind].includes('discard');

/** Failures in a row. */
export const failuresOf = (state: CallState): number => ('failures' in state ? state.failures : 0);

/**
 * True while the call is not known to be in Airflow: the call holds up its lane and needs a
 * wake-up.
 */
export const isUnsent = ({ kind }: CallState): boolean =>
  kind === 'queued' ||
  kind === 'sending' ||
  kind === 'waiting' ||
  kind === 'parked' ||
  kind === 'held';
/** True while the call is in Airflow and its run is looked at. */
export const isFollowed = ({ kind }: CallState): boolean =>
  kind === 'accepted' || kind === 'following';
