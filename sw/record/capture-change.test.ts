import * as fc from 'fast-check';
import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import { describe, expect, test } from 'vitest';
import type { Doc, Json } from '../../shared/json.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import { applyNet } from './net.ts';
import { sealBatch } from '../outbox/seal.ts';
import { foldBack } from './rebase-record.ts';
import { absent, isSendable, type ReplicaRecord } from './record.ts';
import { stateOf } from './row.ts';
import { capturedOn } from '../testing/test-capture.ts';

const x = (part: object): Doc => ({ id: 'x', ...part });
const known = (base: Doc | null): ReplicaRecord => ({
  ...absent('asks', 'x', 1),
  base,
  value: base,
  revision: base ? 5 : 0,
});
const put = (part: object): ChangeCommand => ({ op: 'put', value: x(part) });
const patch = (set: object, removed: string[] = []): ChangeCommand => ({
  op: 'patch',
  id: 'x',
  set,
  removed,
});
const increment = (n: number): ChangeCommand => ({ op: 'increment', id: 'x', by: { n } });
const remove: ChangeCommand = { op: 'delete', id: 'x' };
const capture = (record: ReplicaRecord, ...changes: ChangeCommand[]): ReplicaRecord =>
  changes.reduce((on, change, at) => capturedOn(on, change, at + 1), record);
const seal = (record: ReplicaRecord): ReplicaRecord =>
  sealBatch([record], { number: 1, nonce: 'n' }, TRANSPORT_LIMITS.dag).sealed[0] ?? record;

test('captures fold into one net change that remembers which they were', () => {
  const record = capture(known(x({ a: 0, n: 1 })), patch({ a: 1 }), increment(2), patch({ a: 2 }));
  expect(record).toMatchObject({
    value: x({ a: 2, n: 3 }),
    base: x({ a: 0, n: 1 }),
    pending: { firstSeq: 1, lastSeq: 3 },
  });
  expect(stateOf(record)).toBe('local');
});

test('edited back to what the store has, there is nothing to send', () => {
  expect(capture(known(x({ a: 0 })), patch({ a: 1 }), patch({ a: 0 }))).toEqual(known(x({ a: 0 })));
  expect(capture(known(x({ n: 1 })), increment(2), increment(-2))).toEqual(known(x({ n: 1 })));
  expect(capture(known(null), put({ a: 1 }), remove)).toEqual(known(null));
});

const addTo = (...t: string[]): ChangeCommand => ({ op: 'add-to', id: 'x', elements: { t } });
const removeFrom = (...t: string[]): ChangeCommand => ({
  op: 'remove-from',
  id: 'x',
  elements: { t },
});

test('elements added and removed again leave nothing to send', () => {
  expect(capture(known(x({})), addTo('a', 'b'), removeFrom('b', 'a'))).toEqual(known(x({})));
  expect(capture(known(x({ t: ['a', 'b'] })), removeFrom('b'), addTo('b'))).toEqual(
    known(x({ t: ['a', 'b'] })),
  );
});

test('elements beside a batch on its way, given back: one change of all', () => {
  const sent = seal(capture(known(x({ t: ['a'] })), addTo('b')));
  const later = capture(sent, removeFrom('a'), addTo('c'));
  expect(later.value).toEqual(x({ t: ['b', 'c'] }));
  expect(foldBack(later).pending).toMatchObject({
    net: { elements: { t: { added: ['b', 'c'], removed: ['a'] } } },
    firstSeq: 1,
  });
});

test('fault 76: a number counted here, a list by now: told at once, nothing is lost', () => {
  const counted = capture(known(x({})), { op: 'increment', id: 'x', by: { t: 1 } });
  const moved = { ...counted, base: x({ t: ['theirs'] }), value: x({ t: ['theirs'] }) };
  expect(() => capture(moved, addTo('a'))).toThrow(/unsent changes of a number and of a list/);
});

test('a change that changes nothing is the record itself: nothing is written for it', () => {
  const record = known(x({ a: 0 }));
  expect(capturedOn(record, patch({ a: 0 }), 1)).toBe(record);
});

describe('while the batch is on its way', () => {
  test('what was sent stays frozen; later captures gather beside it', () => {
    const sent = seal(capture(known(x({ a: 0 })), patch({ a: 1 })));
    const later = capture(sent, patch({ a: 2 }));
    expect(later.sealed).toBe(sent.sealed);
    expect(later).toMatchObject({ value: x({ a: 2 }), pending: { net: { set: { a: 2 } } } });
    expect(stateOf(later)).toBe('sending');
    expect(isSendable(later)).toBe(false);
  });
  test('edited back to the base: kept, for the batch may be applied', () => {
    expect(
      capture(seal(capture(known(x({ a: 0 })), patch({ a: 1 }))), patch({ a: 0 })),
    ).toMatchObject({
      value: x({ a: 0 }),
      pending: { net: { set: { a: 0 } } },
    });
  });
  test('made again after a delete on its way', () => {
    expect(capture(seal(capture(known(x({ a: 0 })), remove)), put({ b: 1 }))).toMatchObject({
      value: x({ b: 1 }),
      pending: { net: { set: { b: 1 } } },
    });
  });
});

describe('a record in conflict', () => {
  const mark = { conflictId: 'c', reason: 'edited', fields: ['a'], base: x({ a: 0 }) } as const;
  const marked: ReplicaRecord = {
    ...capture({ ...known(x({ a: 'theirs' })), value: x({ a: 0 }) }, patch({ a: 'mine' })),
    mark,
  };

  test('can be edited on: the edit is mine, the conflict stays', () => {
    expect(capture(marked, patch({ a: 'mine too', b: 1 }))).toMatchObject({
      mark,
      value: x({ a: 'mine too', b: 1 }),
    });
  });
  test('edited to what they say, is none any more', () => {
    expect(capture(marked, patch({ a: 'theirs' }))).toEqual(known(x({ a: 'theirs' })));
  });
  test('deleted, is in question as a whole', () => {
    expect(capture(marked, remove)).toMatchObject({
      value: null,
      mark: { conflictId: 'c', fields: '*' },
    });
  });
});

test('a rejected record may travel again after an edit, and only after one', () => {
  const rejected: ReplicaRecord = {
    ...capture(known(null), put({ a: 1 })),
    rejection: { reason: { kind: 'schema', message: 'no' }, at: 0 },
  };
  expect(isSendable(capture(rejected, patch({ a: 1 })))).toBe(false);
  expect(isSendable(capture(rejected, patch({ a: 2 })))).toBe(true);
});

test('captures in any order: the record shows all, and the sent change does the same', () => {
  const field = fc.constantFrom('a', 'b', 'n');
  const value = fc.constantFrom<Json>(0, 1, 2);
  const change: fc.Arbitrary<ChangeCommand> = fc.oneof(
    fc.dictionary(field, value, { maxKeys: 3 }).map(put),
    fc.dictionary(field, value, { maxKeys: 2 }).map((set) => patch(set)),
    field.map((name) => patch({}, [name])),
    // Only upwards: +1 and -1 of an absent field are nothing, and the field stays absent.
    fc.integer({ min: 0, max: 2 }).map(increment),
    fc.constant(remove),
  );
  const base = fc.option(fc.dictionary(field, value, { maxKeys: 3 }).map(x));
  fc.assert(
    fc.property(
      base,
      fc.array(change, { maxLength: 8 }),
      fc.nat({ max: 8 }),
      (from, changes, sealAt) => {
        let record = known(from);
        let view = from;
        changes.forEach((each, at) => {
          if (at === sealAt && record.pending) record = seal(record);
          if (record.value === null && (each.op === 'patch' || each.op === 'increment')) return;
          record = capturedOn(record, each, at + 1);
          view = expectedAfter(view, each);
          if (JSON.stringify(sortedOf(record.value)) !== JSON.stringify(sortedOf(view)))
            expect(record.value).toEqual(view);
        });
        expect(
          applyNet(applyNet(record.base, record.sealed?.net, 'x'), record.pending?.net, 'x'),
        ).toEqual(view);
      },
    ),
    { numRuns: 300 },
  );
});

/** The record as a person expects to see it. */
function expectedAfter(view: Doc | null, change: ChangeCommand): Doc | null {
  switch (change.op) {
    case 'delete':
      return null;
    case 'put':
    case 'add':
      return change.value as Doc;
    case 'patch': {
      const after: Record<string, Json> = { ...view, ...(change.set as Record<string, Json>) };
      for (const field of change.removed) delete after[field];
      return { ...after, id: 'x' };
    }
    case 'increment': {
      const { n = 0 } = change.by;
      return n === 0 ? view : { ...view, n: Number(view?.['n'] ?? 0) + n, id: 'x' };
    }
    default:
      return view;
  }
}
const sortedOf = (doc: Doc | null): unknown =>
  doc && Object.entries(doc).toSorted(([a], [b]) => (a < b ? -1 : 1));

describe('what would be captured other than it was meant', () => {
  const shown = known(x({ a: 'ok' }));
  test.each<[string, ChangeCommand, string, string]>([
    [
      'case A6: the whole row for what was seen of it',
      {
        ...put({ a: 'watch' }),
        from: { id: 'x', value: x({ a: 'ok' }), state: 'synced', revision: 5 },
      } as ChangeCommand,
      'not-json',
      '"value"',
    ],
    [
      'case D9: a patch that sets another id',
      patch({ id: 'y', a: 'watch' }),
      'no-id',
      'No patch changes an id',
    ],
    [
      'case A13: a list with names beside its items',
      patch({ a: Object.assign([1], { extra: 'lost' }) }),
      'not-json',
      'names beside its items',
    ],
  ])('%s is refused', (_name, change, kind, words) => {
    expect(() => capture(shown, change)).toThrow(
      expect.objectContaining({ kind, message: expect.stringContaining(words) }),
    );
  });

  test('a patch that names the id it is about is one like any', () => {
    expect(capture(shown, patch({ id: 'x', a: 'watch' })).value).toEqual(x({ a: 'watch' }));
  });
});

describe('case A6: a form that was opened between two edits of this device', () => {
  const store = known(x({ a: 'ok', b: 'b', n: 1 }));
  const form = x({ a: 'first', b: 'b', n: 1 });
  const later = capture(store, patch({ a: 'first' }), patch({ a: 'second' }));

  test('nobody else has changed the field: no conflict, whether pending or sealed', () => {
    for (const record of [later, seal(later)]) {
      const saved = capture(record, { ...patch({ a: 'third' }), from: form } as ChangeCommand);
      expect(saved).toMatchObject({ value: { a: 'third' } });
      expect(saved.mark).toBeUndefined();
    }
    expect(
      capture(later, { ...patch({}, ['a']), from: form } as ChangeCommand).mark,
    ).toBeUndefined();
    expect(capture(later, { ...remove, from: form })).toMatchObject({ value: null });
    expect(capture(later, { ...remove, from: form }).mark).toBeUndefined();
  });

  test('the other side’s change stays in conflict beside it, also under an increment', () => {
    const moved = capture(
      {
        ...store,
        base: x({ a: 'ok', b: 'theirs', n: 20 }),
        value: x({ a: 'ok', b: 'theirs', n: 20 }),
      },
      patch({ a: 'first' }),
      increment(5),
    );
    const saved = capture(moved, {
      ...patch({ a: 'third', b: 'mine', n: 2 }),
      from: form,
    } as ChangeCommand);
    expect(saved.mark).toMatchObject({ reason: 'edited', fields: ['b', 'n'] });
    expect(capture(moved, { ...remove, from: form }).mark).toMatchObject({
      reason: 'deleted-here',
      fields: '*',
    });
  });
});
