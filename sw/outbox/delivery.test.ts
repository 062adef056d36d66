import { describe, expect, test } from 'vitest';
import { moveDelivery, type DeliveryState, type Move } from './delivery.ts';

const reason = { kind: 'too_large', message: 'too large' };
const STATES: readonly DeliveryState[] = [
  { kind: 'open' },
  { kind: 'sealed', attempt: 2 },
  { kind: 'sending', attempt: 2 },
  { kind: 'accepted', attempt: 2, runId: 'run-2' },
  { kind: 'voiding', attempt: 2, reason },
];
const MOVES: readonly Move[] = [{ move: 'seal' }, { move: 'send' }, { move: 'accept', runId: 'run' }, { move: 'next-attempt' }, { move: 'refuse', reason }];

/** The whole table: every state with every move; `✗` is a bug in the caller and throws. */
const TABLE: Readonly<Record<DeliveryState['kind'], Readonly<Record<Move['move'], string>>>> = {
  open: { seal: 'sealed 1', send: '✗', accept: '✗', 'next-attempt': '✗', refuse: '✗' },
  sealed: { seal: '✗', send: 'sending 2', accept: '✗', 'next-attempt': 'sealed 3', refuse: 'voiding 1' },
  sending: { seal: '✗', send: 'sending 2', accept: 'accepted 2', 'next-attempt': 'sealed 3', refuse: 'voiding 1' },
  accepted: { seal: '✗', send: 'sending 2', accept: 'accepted 2', 'next-attempt': 'sealed 3', refuse: 'voiding 1' },
  voiding: { seal: '✗', send: '✗', accept: '✗', 'next-attempt': 'voiding 3', refuse: 'voiding 3' },
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

test('an accepted delivery remembers its run, a voiding one why', () => {
  expect(moveDelivery({ kind: 'sending', attempt: 1 }, { move: 'accept', runId: 'run' })).toEqual({ kind: 'accepted', attempt: 1, runId: 'run' });
  expect(moveDelivery({ kind: 'sealed', attempt: 1 }, { move: 'refuse', reason })).toEqual({ kind: 'voiding', attempt: 1, reason });
  expect(moveDelivery({ kind: 'voiding', attempt: 1, reason }, { move: 'next-attempt' })).toEqual({ kind: 'voiding', attempt: 2, reason });
});
