import { describe, expect, test } from 'vitest';
import type { Choice } from '../../shared/conflict.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { Doc } from '../../shared/json.ts';
import { DELETE, type Edit, type Net } from './net.ts';
import { absent, isSendable, type Mark, type ReplicaRecord } from './record.ts';
import { stateOf } from './row.ts';
import { conflictOf, resolveConflict } from './conflict.ts';
import { discardPending } from './discard.ts';
import { withValue } from './rebase-record.ts';

const x = (part: object): Doc => ({ id: 'x', ...part });
const edit = (part: Partial<Edit>): Edit => ({
  kind: 'edit',
  set: {},
  removed: [],
  inc: {},
  ...part,
});
const pending = (net: Net): ReplicaRecord['pending'] & {} => ({ net, firstSeq: 3, lastSeq: 4 });
function marked(base: Doc | null, net: Net, mark: Partial<Mark>, revision = 7): ReplicaRecord {
  const record = { ...absent('asks', 'x', 1), base, revision, pending: pending(net) };
  return withValue({
    ...record,
    mark: { conflictId: 'c', reason: 'edited', fields: ['a'], base: x({ a: 0, b: 0 }), ...mark },
  });
}
const both = (): ReplicaRecord =>
  marked(x({ a: 'theirs', b: 0 }), edit({ set: { a: 'mine', b: 'free' } }), {});
const resolve = (
  record: ReplicaRecord,
  choices: Readonly<Record<string, Choice>>,
  theirsRevision = 7,
): ReplicaRecord => resolveConflict(record, { theirsRevision, choices }, 9);
const refusal = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    if (error instanceof UpdraftError) return error.kind;
    throw error;
  }
  return 'none';
};

test('a person is shown base, mine and theirs of each field, and of the record', () => {
  expect(conflictOf(both())).toEqual({
    id: 'c',
    collection: 'asks',
    recordId: 'x',
    reason: 'edited',
    fields: [{ field: 'a', base: 0, mine: 'mine', theirs: 'theirs' }],
    base: x({ a: 0, b: 0 }),
    mine: x({ a: 'mine', b: 'free' }),
    theirs: x({ a: 'theirs', b: 0 }),
    theirsRevision: 7,
  });
});

test('a field that one side removed is shown as absent', () => {
  const conflict = conflictOf(marked(x({ b: 0 }), edit({ set: { a: 'mine' } }), {}));
  expect(conflict?.fields).toEqual([{ field: 'a', base: 0, mine: 'mine', theirs: undefined }]);
});

test('a record without a mark has no conflict', () => {
  expect(conflictOf(absent('asks', 'x', 1))).toBeUndefined();
});

describe('field by field', () => {
  test.each<[string, Choice, object, Net | undefined]>([
    [
      'mine is a new mutation on their base',
      { take: 'mine' },
      { a: 'mine', b: 'free' },
      edit({ set: { a: 'mine', b: 'free' } }),
    ],
    [
      'theirs drops mine, and only that field',
      { take: 'theirs' },
      { a: 'theirs', b: 'free' },
      edit({ set: { b: 'free' } }),
    ],
    [
      'a value of its own is a new mutation',
      { value: 'agreed' },
      { a: 'agreed', b: 'free' },
      edit({ set: { a: 'agreed', b: 'free' } }),
    ],
    [
      'a value that is theirs is nothing to send',
      { value: 'theirs' },
      { a: 'theirs', b: 'free' },
      edit({ set: { b: 'free' } }),
    ],
    [
      'null is a value',
      { value: null },
      { a: null, b: 'free' },
      edit({ set: { a: null, b: 'free' } }),
    ],
  ])('%s', (_name, choice, value, net) => {
    const resolved = resolve(both(), { a: choice });
    expect(resolved.value).toEqual(x(value));
    expect(resolved.pending?.net).toEqual(net);
    expect(resolved.pending).toMatchObject({ firstSeq: 3, lastSeq: 9 });
    expect(isSendable(resolved)).toBe(true);
  });

  test('theirs for all that is pending settles the record', () => {
    const resolved = resolve(marked(x({ a: 'theirs' }), edit({ set: { a: 'mine' } }), {}), {
      a: { take: 'theirs' },
    });
    expect(stateOf(resolved)).toBe('synced');
    expect(resolved.value).toEqual(x({ a: 'theirs' }));
  });

  test('a value instead of a removal', () => {
    const resolved = resolve(marked(x({ a: 'theirs' }), edit({ removed: ['a'] }), {}), {
      a: { value: 1 },
    });
    expect(resolved.pending?.net).toEqual(edit({ set: { a: 1 } }));
  });

  test('each conflicting field needs its choice', () => {
    const record = marked(x({ a: 1, b: 1 }), edit({ set: { a: 2, b: 2 } }), { fields: ['a', 'b'] });
    expect(refusal(() => resolve(record, { a: { take: 'mine' } }))).toBe('bad-choice');
    expect(refusal(() => resolve(record, {}))).toBe('bad-choice');
    expect(refusal(() => resolve(record, { '*': { take: 'mine' } }))).toBe('bad-choice');
    expect(refusal(() => resolve(record, { a: { take: 'mine' }, b: { take: 'theirs' } }))).toBe(
      'none',
    );
  });
});

describe('the record as a whole', () => {
  const deletedThere = (): ReplicaRecord =>
    marked(null, edit({ set: { a: 'mine', b: 0 } }), { fields: '*', reason: 'deleted-there' });
  const deletedHere = (): ReplicaRecord =>
    marked(x({ a: 'theirs' }), DELETE, { fields: '*', reason: 'deleted-here' });

  test('mine makes it again, in full', () => {
    const resolved = resolve(deletedThere(), { '*': { take: 'mine' } });
    expect(resolved).toMatchObject({
      value: x({ a: 'mine', b: 0 }),
      pending: { net: edit({ set: { a: 'mine', b: 0 } }) },
      revision: 7,
    });
    expect(isSendable(resolved)).toBe(true);
  });
  test('theirs lets it go', () => {
    expect(resolve(deletedThere(), { '*': { take: 'theirs' } })).toMatchObject({
      value: null,
      base: null,
    });
    expect(stateOf(resolve(deletedThere(), { '*': { take: 'theirs' } }))).toBe('synced');
  });
  test('mine deletes what they edited; theirs keeps it', () => {
    expect(resolve(deletedHere(), { '*': { take: 'mine' } })).toMatchObject({
      value: null,
      pending: { net: DELETE },
    });
    expect(resolve(deletedHere(), { '*': { take: 'theirs' } })).toMatchObject({
      value: x({ a: 'theirs' }),
    });
  });
  test('neither a value nor choices by field say what to do with it', () => {
    expect(refusal(() => resolve(deletedHere(), { '*': { value: 1 } }))).toBe('bad-choice');
    expect(refusal(() => resolve(deletedHere(), { a: { take: 'mine' } }))).toBe('bad-choice');
  });
});

test('the other side changed again since the conflict was shown: refused', () => {
  expect(refusal(() => resolve(both(), { a: { take: 'mine' } }, 6))).toBe('conflict-moved');
  expect(refusal(() => resolve(both(), { a: { take: 'theirs' } }, 8))).toBe('conflict-moved');
});

test('what is resolved already says so', () => {
  expect(
    refusal(() => resolve(resolve(both(), { a: { take: 'mine' } }), { a: { take: 'mine' } })),
  ).toBe('not-found');
});

test('resolving lifts a rejection with the mark', () => {
  const rejected = { ...both(), rejection: { reason: { kind: 'schema', message: 'no' }, at: 1 } };
  expect(stateOf(resolve(rejected, { a: { take: 'mine' } }))).toBe('local');
});

describe('discard', () => {
  test('gives up what was captured, with its conflict and its rejection', () => {
    const discarded = discardPending({
      ...both(),
      rejection: { reason: { kind: 'schema', message: 'no' }, at: 1 },
    });
    expect(discarded).toEqual({
      ...absent('asks', 'x', 1),
      base: x({ a: 'theirs', b: 0 }),
      value: x({ a: 'theirs', b: 0 }),
      revision: 7,
    });
  });
  test('of a record never sent leaves nothing', () => {
    expect(
      discardPending(
        withValue({ ...absent('asks', 'x', 1), pending: pending(edit({ set: { a: 1 } })) }),
      ),
    ).toEqual(absent('asks', 'x', 1));
  });
  test('in flight is refused: it may already be applied', () => {
    const sealed = { ...absent('asks', 'x', 1), sealed: pending(edit({ set: { a: 1 } })) };
    expect(refusal(() => discardPending(sealed))).toBe('in-flight');
    expect(refusal(() => discardPending({ ...sealed, pending: pending(DELETE) }))).toBe(
      'in-flight',
    );
  });
  test('of nothing says so', () => {
    expect(refusal(() => discardPending(absent('asks', 'x', 1)))).toBe('not-found');
  });
});
