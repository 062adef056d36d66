import { describe, expect, test } from 'vitest';
import type { UpdraftEvent } from '../../shared/messages.ts';
import type { Pending, ReplicaRecord } from './record.ts';
import { absent } from './record.ts';
import { changeEvents, eventsOf, serverEventsOf } from './record-events.ts';

const record = (part: Partial<ReplicaRecord>, id = 'x'): ReplicaRecord => ({
  ...absent('asks', id, 1),
  ...part,
});
const upTo = (lastSeq: number): Pending => ({
  net: { kind: 'edit', set: { a: 1 }, removed: [], inc: {} },
  firstSeq: 1,
  lastSeq,
});
const mark = { conflictId: 'c', reason: 'edited', fields: ['a'], base: null } as const;
const rejection = { reason: { kind: 'schema', message: 'no' }, at: 5 };
const settledOf = (events: readonly UpdraftEvent[]): unknown[] =>
  events.flatMap((event) => (event.type === 'settled' ? [event.settled] : []));

test('a verdict settles the captures that travelled, not those made since', () => {
  const events = eventsOf([
    {
      before: record({ sealed: upTo(4), pending: upTo(6) }),
      after: record({ pending: upTo(6), run: 'run' }),
      verdict: 'applied',
    },
  ]);
  expect(settledOf(events)).toEqual([
    { collection: 'asks', id: 'x', lastSeq: 4, verdict: 'applied', run: 'run' },
  ]);
});

test('later captures settled by the same answer end too: no promise is left open', () => {
  const events = eventsOf([
    { before: record({ sealed: upTo(4), pending: upTo(6) }), after: record({}), verdict: 'merged' },
  ]);
  expect(settledOf(events)).toMatchObject([{ lastSeq: 6, verdict: 'merged' }]);
});

test('what a page of changes made equal is merged', () => {
  expect(
    settledOf(eventsOf([{ before: record({ pending: upTo(3) }), after: record({}) }])),
  ).toMatchObject([{ lastSeq: 3, verdict: 'merged' }]);
});

test('what was folded back is not settled', () => {
  expect(
    settledOf(
      eventsOf([{ before: record({ sealed: upTo(3) }), after: record({ pending: upTo(3) }) }]),
    ),
  ).toEqual([]);
});

test('a discarded capture says so', () => {
  expect(
    settledOf(
      eventsOf([{ before: record({ pending: upTo(3) }), after: record({}), verdict: 'discarded' }]),
    ),
  ).toMatchObject([{ verdict: 'discarded' }]);
});

test('a conflict is told once, however often its record changes', () => {
  const conflicts = (before: ReplicaRecord): unknown[] =>
    eventsOf([{ before, after: record({ mark, pending: upTo(2) }) }]).filter(
      ({ type }) => type === 'conflict',
    );
  expect(conflicts(record({ pending: upTo(2) }))).toHaveLength(1);
  expect(conflicts(record({ mark, pending: upTo(2) }))).toHaveLength(0);
  expect(
    conflicts(record({ mark: { ...mark, conflictId: 'older' }, pending: upTo(2) })),
  ).toHaveLength(1);
});

test('a dead letter is told once, with the record and the server’s words', () => {
  const after = record({ pending: upTo(2), rejection, value: { id: 'x', a: 1 } });
  expect(
    eventsOf([{ before: record({ sealed: upTo(2) }), after, verdict: 'rejected' }]),
  ).toContainEqual({
    type: 'dead-letter',
    deadLetter: expect.objectContaining({
      kind: 'mutation',
      id: 'x',
      reason: rejection.reason,
      value: { id: 'x', a: 1 },
      at: 5,
      attempts: 1,
    }),
  });
  expect(eventsOf([{ before: after, after }]).map(({ type }) => type)).toEqual(['change']);
});

test('first what ended, then what needs a person, then which rows to read again', () => {
  const after = record({ mark, pending: upTo(2), rejection });
  const events = eventsOf([{ before: record({ sealed: upTo(2) }), after, verdict: 'rejected' }]);
  expect(events.map(({ type }) => type)).toEqual(['settled', 'conflict', 'dead-letter', 'change']);
});

test('one change event a collection; so many ids that reading again is cheaper become none', () => {
  const other = { ...record({}, 'o'), collection: 'others' };
  expect(changeEvents([record({}, 'x'), record({}, 'y'), record({}, 'x'), other])).toEqual([
    { type: 'change', collection: 'asks', ids: ['x', 'y'] },
    { type: 'change', collection: 'others', ids: ['o'] },
  ]);
  const many = Array.from({ length: 201 }, (_, at) => record({}, `r${at}`));
  expect(changeEvents(many)).toEqual([{ type: 'change', collection: 'asks', ids: [] }]);
  expect(changeEvents([])).toEqual([]);
});

describe('what the policy `server-wins` gave up is told, field by field', () => {
  const captured = record({
    base: { id: 'x', a: 0, b: 0 },
    pending: {
      ...upTo(2),
      net: { kind: 'edit', set: { a: 'mine', b: 'mine' }, removed: ['c'], inc: { n: 1 } },
    },
  });
  const dropped = (after: Partial<ReplicaRecord>): unknown[] =>
    serverEventsOf([{ before: captured, after: record(after) }]).flatMap((event) =>
      event.type === 'dropped' ? [event.dropped] : [],
    );

  test('a field that neither stands nor waits was dropped', () => {
    expect(dropped({ base: { id: 'x', a: 'theirs', b: 'mine' } })).toEqual([
      { collection: 'asks', id: 'x', fields: ['a'] },
    ]);
    expect(dropped({ base: { id: 'x', a: 'mine', b: 'mine', c: 'theirs' } })).toMatchObject([
      { fields: ['c'] },
    ]);
  });
  test('an edit of a record that is gone was dropped as a whole', () => {
    expect(dropped({ base: null })).toMatchObject([{ fields: ['a', 'b', 'n'] }]);
  });
  test('what stands, and what still waits, was not', () => {
    expect(dropped({ base: { id: 'x', a: 'mine', b: 'mine' } })).toEqual([]);
    expect(
      dropped({ base: { id: 'x', a: 'theirs' }, pending: captured.pending as Pending, mark }),
    ).toEqual([]);
  });
  test('what a person gave up is not reported to them', () => {
    expect(
      eventsOf([{ before: captured, after: record({ base: { id: 'x', a: 'theirs' } }) }]).map(
        ({ type }) => type,
      ),
    ).not.toContain('dropped');
  });
});
