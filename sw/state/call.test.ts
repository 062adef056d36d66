import { describe, expect, test } from 'vitest';
import type { CallReason, CallState } from '../../shared/calls.ts';
import { failuresOf, isFollowed, isUnsent, mayDiscard, moveCall, type CallMove } from './call.ts';

const reason: CallReason = { kind: 'refused', message: 'no', status: 422 };
const outcome = { kind: 'run', runId: 'r', state: 'success' } as const;
const STATES: readonly CallState[] = [
  { kind: 'queued' },
  { kind: 'sending', failures: 2 },
  { kind: 'waiting', for: 'network', retryAt: 5, failures: 2 },
  { kind: 'parked', for: 'sign-in' },
  { kind: 'held', for: 'dag-missing', retryAt: 5, failures: 2 },
  { kind: 'accepted', runId: 'r', lookAt: 5, looks: 0 },
  { kind: 'following', runId: 'r', run: 'queued', paused: false, lookAt: 5, looks: 3 },
  { kind: 'settled', outcome, at: 5 },
  { kind: 'dead', reason, at: 5 },
  { kind: 'discarded' },
];
const MOVES: readonly CallMove[] = [
  { kind: 'send' },
  { kind: 'wait', for: 'airflow', retryAt: 9 },
  { kind: 'park', for: 'other-user' },
  { kind: 'hold', for: 'forbidden', retryAt: 9 },
  { kind: 'accept', runId: 'r', lookAt: 9 },
  { kind: 'follow', run: 'running', paused: false, lookAt: 9 },
  { kind: 'look-later', lookAt: 9 },
  { kind: 'settle', outcome, at: 9 },
  { kind: 'die', reason, at: 9 },
  { kind: 'requeue' },
  { kind: 'discard' },
];
const UNSENT = {
  send: 'sending',
  wait: 'waiting',
  park: 'parked',
  hold: 'held',
  accept: '✗',
  follow: '✗',
  'look-later': '✗',
  settle: 'settled',
  die: 'dead',
  requeue: '✗',
  discard: 'discarded',
};
const NONE = {
  send: '✗',
  wait: '✗',
  park: '✗',
  hold: '✗',
  accept: '✗',
  follow: '✗',
  'look-later': '✗',
  settle: '✗',
  die: '✗',
  requeue: '✗',
  discard: '✗',
};
/** Every state with every move; `✗` is a bug of the caller and throws. */
const TABLE: Readonly<Record<CallState['kind'], Readonly<Record<CallMove['kind'], string>>>> = {
  queued: UNSENT,
  sending: { ...UNSENT, accept: 'accepted', discard: '✗' },
  waiting: UNSENT,
  parked: UNSENT,
  held: UNSENT,
  accepted: { ...NONE, follow: 'following', 'look-later': 'accepted', settle: 'settled' },
  following: { ...NONE, follow: 'following', 'look-later': 'following', settle: 'settled' },
  settled: { ...NONE, discard: 'discarded' },
  dead: { ...NONE, requeue: 'queued', discard: 'discarded' },
  discarded: NONE,
};

describe.each(STATES)('a call that is $kind', (state) => {
  test.each(MOVES)('$kind', (move) => {
    const expected = TABLE[state.kind][move.kind];
    if (expected === '✗')
      expect(() => moveCall(state, move)).toThrow(`cannot ${move.kind} while ${state.kind}`);
    else expect(moveCall(state, move).kind).toBe(expected);
  });
  test('is either not sent, followed, or over', () => {
    const over = ['settled', 'dead', 'discarded'].includes(state.kind);
    expect([isUnsent(state), isFollowed(state), over].filter(Boolean)).toHaveLength(1);
    expect(mayDiscard(state)).toBe(TABLE[state.kind].discard === 'discarded');
  });
});

test('failures in a row are counted across sends; a sign-in starts the count anew', () => {
  let state: CallState = { kind: 'queued' };
  for (const expected of [1, 2, 3]) {
    state = moveCall(moveCall(state, { kind: 'send' }), {
      kind: 'wait',
      for: 'airflow',
      retryAt: 1,
    });
    expect(failuresOf(state)).toBe(expected);
  }
  expect(failuresOf(moveCall(state, { kind: 'park', for: 'sign-in' }))).toBe(0);
});

test('a run that changes is looked at again soon, an unchanged run less and less', () => {
  const follow = (state: CallState, run: 'queued' | 'running', paused: boolean): CallState =>
    moveCall(state, { kind: 'follow', run, paused, lookAt: 1 });
  const looks = (state: CallState): number => ('looks' in state ? state.looks : -1);
  const queued = follow({ kind: 'accepted', runId: 'r', lookAt: 0, looks: 0 }, 'queued', false);
  const still = follow(queued, 'queued', false);
  expect(
    [queued, still, follow(still, 'queued', true), follow(still, 'running', false)].map(looks),
  ).toEqual([0, 1, 0, 0]);
  expect(looks(moveCall(still, { kind: 'look-later', lookAt: 1 }))).toBe(2);
});
