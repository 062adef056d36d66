import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isOver, moveDelivery, type DeliveryState, type Move } from './delivery.ts';

const reason = { kind: 'too_large', message: 'too large' };
const STATES: readonly DeliveryState[] = [
  { kind: 'open' },
  { kind: 'sealed', attempt: 2 },
  { kind: 'sending', attempt: 2 },
  { kind: 'accepted', attempt: 2, runId: 'run-2' },
  { kind: 'waiting', attempt: 2, for: 'airflow', retryAt: 7 },
  { kind: 'parked', attempt: 2, for: 'auth', why: 'refused' },
  { kind: 'settled' },
  { kind: 'dead', reason },
];
const MOVES: readonly Move[] = [
  { move: 'seal' },
  { move: 'send' },
  { move: 'accept', runId: 'run' },
  { move: 'wait', for: 'airflow', retryAt: 9, again: 'same-run' },
  { move: 'park', for: 'held', why: 'dag-paused', retryAt: 9, again: 'new-run' },
  { move: 'refuse' },
  { move: 'settle' },
  { move: 'die', reason },
];

/** The whole table: every state with every move; `✗` is a bug in the caller and throws. */
const TABLE: Readonly<Record<DeliveryState['kind'], Readonly<Record<Move['move'], string>>>> = {
  open: { seal: 'sealed 1', send: '✗', accept: '✗', wait: '✗', park: '✗', refuse: '✗', settle: 'settled', die: 'dead' },
  sealed: { seal: '✗', send: 'sending 2', accept: '✗', wait: '✗', park: '✗', refuse: '✗', settle: '✗', die: 'dead' },
  sending: { seal: '✗', send: 'sending 2', accept: 'accepted 2', wait: 'waiting 2', park: 'parked 3', refuse: 'sealed 1', settle: 'settled', die: 'dead' },
  accepted: { seal: '✗', send: 'accepted 2', accept: '✗', wait: 'waiting 2', park: 'parked 3', refuse: 'sealed 1', settle: 'settled', die: 'dead' },
  waiting: { seal: '✗', send: 'sending 2', accept: '✗', wait: '✗', park: '✗', refuse: '✗', settle: '✗', die: 'dead' },
  parked: { seal: '✗', send: 'sending 2', accept: '✗', wait: '✗', park: '✗', refuse: '✗', settle: '✗', die: 'dead' },
  settled: { seal: '✗', send: '✗', accept: '✗', wait: '✗', park: '✗', refuse: '✗', settle: '✗', die: '✗' },
  dead: { seal: '✗', send: '✗', accept: '✗', wait: '✗', park: '✗', refuse: '✗', settle: '✗', die: '✗' },
};

describe.each(STATES)('a delivery that is $kind', (state) => {
  test.each(MOVES)('$move', (move) => {
    const expected = TABLE[state.kind][move.move];
    if (expected === '✗') expect(() => moveDelivery(state, move)).toThrow(`cannot ${move.move} while ${state.kind}`);
    else {
      const moved = moveDelivery(state, move);
      expect(`${moved.kind} ${'attempt' in moved ? moved.attempt : ''}`.trim()).toBe(expected);
    }
  });
});

const ACCEPTED: DeliveryState = { kind: 'accepted', attempt: 1, runId: 'run' };

test('an accepted delivery remembers its run while it waits, and asks for it again', () => {
  expect(moveDelivery({ kind: 'sending', attempt: 1 }, { move: 'accept', runId: 'run' })).toEqual(ACCEPTED);
  const waiting = moveDelivery(ACCEPTED, { move: 'wait', for: 'run', retryAt: 9, again: 'same-run' });
  expect(waiting).toEqual({ kind: 'waiting', attempt: 1, for: 'run', retryAt: 9, runId: 'run' });
  expect(moveDelivery(waiting, { move: 'send' })).toEqual(ACCEPTED);
});

test('a run that never becomes an answer is forgotten: the next attempt has one of its own', () => {
  const waiting = moveDelivery(ACCEPTED, { move: 'wait', for: 'airflow', retryAt: 9, again: 'new-run' });
  expect(waiting).toEqual({ kind: 'waiting', attempt: 2, for: 'airflow', retryAt: 9 });
  expect(moveDelivery(waiting, { move: 'send' })).toEqual({ kind: 'sending', attempt: 2 });
});

test('parked for a sign-in it has no due time; dead it says why', () => {
  expect(moveDelivery(ACCEPTED, { move: 'park', for: 'auth', why: 'refused', again: 'same-run' })).toEqual({
    kind: 'parked',
    attempt: 1,
    for: 'auth',
    why: 'refused',
    runId: 'run',
  });
  expect(moveDelivery({ kind: 'parked', attempt: 1, for: 'auth', why: 'refused' }, { move: 'die', reason })).toEqual({ kind: 'dead', reason });
});

test('whatever legal moves come, attempts only grow until a refusal, and what is over stays over', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...MOVES), { maxLength: 60 }), (moves) => {
      let state: DeliveryState = { kind: 'open' };
      for (const move of moves) {
        const before: DeliveryState = state;
        if (TABLE[before.kind][move.move] === '✗') continue;
        expect(isOver(before)).toBe(false);
        state = moveDelivery(before, move);
        if ('attempt' in before && 'attempt' in state && move.move !== 'refuse') expect(state.attempt).toBeGreaterThanOrEqual(before.attempt);
      }
    }),
  );
});
