import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
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
  { kind: 'seal' },
  { kind: 'send' },
  { kind: 'accept', runId: 'run' },
  { kind: 'wait', for: 'airflow', retryAt: 9, again: 'same-run' },
  { kind: 'park', for: 'held', why: 'dag-paused', retryAt: 9, again: 'new-run' },
  { kind: 'refuse' },
  { kind: 'settle' },
  { kind: 'die', reason },
];

/** Every state with every move; `✗` is a bug of the caller and throws. */
const TABLE: Readonly<Record<DeliveryState['kind'], Readonly<Record<Move['kind'], string>>>> = {
  open: {
    seal: 'sealed 1',
    send: '✗',
    accept: '✗',
    wait: '✗',
    park: '✗',
    refuse: '✗',
    settle: 'settled',
    die: 'dead',
  },
  sealed: {
    seal: '✗',
    send: 'sending 2',
    accept: '✗',
    wait: '✗',
    park: '✗',
    refuse: '✗',
    settle: '✗',
    die: 'dead',
  },
  sending: {
    seal: '✗',
    send: 'sending 2',
    accept: 'accepted 2',
    wait: 'waiting 2',
    park: 'parked 3',
    refuse: 'sealed 1',
    settle: 'settled',
    die: 'dead',
  },
  accepted: {
    seal: '✗',
    send: 'accepted 2',
    accept: '✗',
    wait: 'waiting 2',
    park: 'parked 3',
    refuse: 'sealed 1',
    settle: 'settled',
    die: 'dead',
  },
  waiting: {
    seal: '✗',
    send: 'sending 2',
    accept: '✗',
    wait: '✗',
    park: '✗',
    refuse: '✗',
    settle: '✗',
    die: 'dead',
  },
  parked: {
    seal: '✗',
    send: 'sending 2',
    accept: '✗',
    wait: '✗',
    park: '✗',
    refuse: '✗',
    settle: '✗',
    die: 'dead',
  },
  settled: {
    seal: '✗',
    send: '✗',
    accept: '✗',
    wait: '✗',
    park: '✗',
    refuse: '✗',
    settle: '✗',
    die: '✗',
  },
  dead: {
    seal: '✗',
    send: '✗',
    accept: '✗',
    wait: '✗',
    park: '✗',
    refuse: '✗',
    settle: '✗',
    die: '✗',
  },
};

describe.each(STATES)('a delivery that is $kind', (state) => {
  test.each(MOVES)('$kind', (move) => {
    const expected = TABLE[state.kind][move.kind];
    if (expected === '✗')
      expect(() => moveDelivery(state, move)).toThrow(`cannot ${move.kind} while ${state.kind}`);
    else {
      const moved = moveDelivery(state, move);
      expect(`${moved.kind} ${'attempt' in moved ? moved.attempt : ''}`.trim()).toBe(expected);
    }
  });
});

test('the table of moves in the comment is the table of the code', () => {
  const source = readFileSync(fileURLToPath(new URL('./delivery.ts', import.meta.url)), 'utf8');
  const [names = [], ...rows] = source
    .split('\n')
    .filter((line) => / \* {3,}\S/.test(line))
    .map((line) => line.slice(' *'.length).trim().split(/\s+/));
  const drawn = rows.map(([state, ...cells]) => [
    state,
    Object.fromEntries(cells.map((cell, column) => [names[column], cell])),
  ]);
  const coded = Object.entries(TABLE).map(([state, moves]) => [
    state,
    Object.fromEntries(
      Object.entries(moves).map(([move, to]) => [move, to.replace('✗', '·').replace(/ \d$/, '')]),
    ),
  ]);
  expect(drawn).toEqual(coded);
});

const ACCEPTED: DeliveryState = { kind: 'accepted', attempt: 1, runId: 'run' };

test('an accepted delivery remembers its run while waiting, and asks for the run again', () => {
  expect(moveDelivery({ kind: 'sending', attempt: 1 }, { kind: 'accept', runId: 'run' })).toEqual(
    ACCEPTED,
  );
  const waiting = moveDelivery(ACCEPTED, {
    kind: 'wait',
    for: 'run',
    retryAt: 9,
    again: 'same-run',
  });
  expect(waiting).toEqual({ kind: 'waiting', attempt: 1, for: 'run', retryAt: 9, runId: 'run' });
  expect(moveDelivery(waiting, { kind: 'send' })).toEqual(ACCEPTED);
});

test('a run that never becomes an answer is forgotten: the next attempt has a new run', () => {
  const waiting = moveDelivery(ACCEPTED, {
    kind: 'wait',
    for: 'airflow',
    retryAt: 9,
    again: 'new-run',
  });
  expect(waiting).toEqual({ kind: 'waiting', attempt: 2, for: 'airflow', retryAt: 9 });
  expect(moveDelivery(waiting, { kind: 'send' })).toEqual({ kind: 'sending', attempt: 2 });
});

test('a delivery parked for a sign-in has no due time; a dead delivery has a reason', () => {
  expect(
    moveDelivery(ACCEPTED, { kind: 'park', for: 'auth', why: 'refused', again: 'same-run' }),
  ).toEqual({
    kind: 'parked',
    attempt: 1,
    for: 'auth',
    why: 'refused',
    runId: 'run',
  });
  expect(
    moveDelivery(
      { kind: 'parked', attempt: 1, for: 'auth', why: 'refused' },
      { kind: 'die', reason },
    ),
  ).toEqual({ kind: 'dead', reason });
});

test('whatever legal moves come, attempts only grow until a refusal, and ends are final', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...MOVES), { maxLength: 60 }), (moves) => {
      let state: DeliveryState = { kind: 'open' };
      for (const move of moves) {
        const before: DeliveryState = state;
        if (TABLE[before.kind][move.kind] === '✗') continue;
        expect(isOver(before)).toBe(false);
        state = moveDelivery(before, move);
        if ('attempt' in before && 'attempt' in state && move.kind !== 'refuse')
          expect(state.attempt).toBeGreaterThanOrEqual(before.attempt);
      }
    }),
  );
});
