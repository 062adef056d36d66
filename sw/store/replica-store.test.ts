import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { beforeEach, describe, expect, test } from 'vitest';
import { readCollections } from '../../shared/collections.ts';
import type { Json } from '../../shared/json.ts';
import type { UpdraftEvent } from '../../shared/messages.ts';
import type { Query } from '../../shared/row.ts';
import { absent, type Pending, type ReplicaRecord } from '../record/record.ts';
import { ReplicaStore } from './replica-store.ts';
import type { ReplicaTx } from './replica-tx.ts';

const DECLARATIONS = readCollections({
  version: 1,
  collections: {
    asks: { schema: {}, indexes: ['site', 'n'] },
    others: { schema: {}, indexes: ['site'] },
  },
});
const DAY_MS = 24 * 3_600_000;

let indexedDB: IDBFactory;
let store: ReplicaStore;
beforeEach(() => {
  indexedDB = new IDBFactory();
  store = new ReplicaStore('updraft:ana', DECLARATIONS, { indexedDB, IDBKeyRange });
});

function record(
  id: string,
  fields: Record<string, Json> | null = {},
  part: Partial<ReplicaRecord> = {},
): ReplicaRecord {
  const doc = fields === null ? null : { ...fields, id };
  return { ...absent('asks', id, 1), base: doc, value: doc, revision: 1, ...part };
}
const pending = (firstSeq: number): Pending => ({
  net: { kind: 'edit', set: { a: 1 }, removed: [], inc: {} },
  firstSeq,
  lastSeq: firstSeq,
});
const put = (...records: readonly ReplicaRecord[]): Promise<void> =>
  store.write((tx) => tx.putRecords(records));
const ids = async (query: Query, collection = 'asks'): Promise<string[]> =>
  (await store.read((tx) => tx.query(collection, query))).records.map(({ id }) => id);
const idsOf = (records: readonly ReplicaRecord[]): string[] => records.map(({ id }) => id);

describe('a query', () => {
  beforeEach(async () => {
    await put(
      record('a', { site: 'north', n: 3 }),
      record('b', { site: 'south', n: 1 }),
      record('c', { site: 'north', n: 2 }),
      record('d', { n: 10 }),
      record('e', { site: 'west' }),
      { ...record('x', { site: 'north' }), collection: 'others' },
    );
  });

  test.each<[string, Query, string[]]>([
    ['without an index: in order of the id', {}, ['a', 'b', 'c', 'd', 'e']],
    [
      'without an index: in descending order, limited',
      { order: 'descending', limit: 2 },
      ['e', 'd'],
    ],
    ['by an index, one value: in order of the id', { index: 'site', equals: 'north' }, ['a', 'c']],
    ['by an index, a value that is not there', { index: 'site', equals: 'east' }, []],
    ['by an index: only what has the field, in its order', { index: 'n' }, ['b', 'c', 'a', 'd']],
    [
      'numbers in the order of numbers, descending',
      { index: 'n', order: 'descending' },
      ['d', 'a', 'c', 'b'],
    ],
    ['from, inclusive', { index: 'n', from: 3 }, ['a', 'd']],
    ['to, inclusive', { index: 'n', to: 2 }, ['b', 'c']],
    ['from and to', { index: 'n', from: 2, to: 3 }, ['c', 'a']],
    ['from above to: nothing', { index: 'n', from: 3, to: 2 }, []],
    ['texts from and to', { index: 'site', from: 'o', to: 'v' }, ['b']],
    ['the limit counts what is found', { index: 'site', equals: 'north', limit: 1 }, ['a']],
    [
      'descending with one value',
      { index: 'site', equals: 'north', order: 'descending' },
      ['c', 'a'],
    ],
    ['any of some values, in the index’s order', { index: 'n', in: [10, 1, 7] }, ['b', 'd']],
    ['a value named twice counts once', { index: 'n', in: [3, 3] }, ['a']],
    ['none of no values', { index: 'n', in: [] }, []],
    ['any of some ids', { index: 'id', in: ['e', 'a', 'z'] }, ['a', 'e']],
    ['any of some values, descending', { index: 'n', in: [1, 2], order: 'descending' }, ['c', 'b']],
    ['a prefix', { index: 'site', prefix: 'so' }, ['b']],
    ['a prefix in other letters', { index: 'site', prefix: 'So' }, []],
    ['a prefix that is a whole text', { index: 'site', prefix: 'north' }, ['a', 'c']],
    ['the empty prefix: every text', { index: 'site', prefix: '' }, ['a', 'c', 'b', 'e']],
    ['a prefix of ids', { index: 'id', prefix: 'c' }, ['c']],
    ['a further field', { index: 'n', where: { site: 'north' } }, ['c', 'a']],
    ['two further fields', { where: { site: 'north', n: 3 } }, ['a']],
    ['a further field that is absent', { where: { site: null } }, ['d']],
    ['a further field, limited', { where: { site: 'north' }, limit: 1 }, ['a']],
    ['a further field of another kind', { where: { n: '3' } }, []],
  ])('%s', async (_name, query, expected) => {
    expect(await ids(query)).toEqual(expected);
  });

  test('a prefix ends where the next text begins, at the last code unit, too', async () => {
    await put(
      record('f', { site: 'north\uffff\uffff' }),
      record('g', { site: 'north\uffffa' }),
      record('h', { site: '\uffff\uffff' }),
      record('i', { site: 'nortí' }),
    );
    expect(await ids({ index: 'site', prefix: 'north' })).toEqual(['a', 'c', 'g', 'f']);
    expect(await ids({ index: 'site', prefix: 'north\uffff' })).toEqual(['g', 'f']);
    expect(await ids({ index: 'site', prefix: '\uffff' })).toEqual(['h']);
  });

  const further: Query[] = [
    {},
    { index: 'id' },
    { index: 'n' },
    { index: 'n', from: 2 },
    { index: 'n', to: 9 },
    { index: 'n', in: [10, 3, 1] },
    { index: 'site' },
    { index: 'site', equals: 'north' },
    { index: 'site', prefix: 'nor' },
    { index: 'site', missing: true },
    { index: 'site', where: { n: 2 } },
  ];
  test.each(
    further.flatMap((query) =>
      (['ascending', 'descending'] as const).map((order) => ({ ...query, order })),
    ),
  )('page after page gives each row once: %j', async (query) => {
    await put(
      record('m', { site: 'north', n: 3 }),
      record('n', { site: 'north', n: 3 }),
      record('o', { n: 3 }),
      record('p', { site: 'north', n: 2 }),
    );
    const all = await ids(query);
    const seen: string[] = [];
    for (let after: Query['after'], more = true; more;) {
      const page = await store.read((tx) =>
        tx.query('asks', { ...query, limit: 2, ...(after && { after }) }),
      );
      seen.push(...idsOf(page.records));
      ({ more } = page);
      after = page.records.at(-1);
    }
    expect(seen).toEqual(all);
  });

  test('sees this device’s captures at once', async () => {
    await put(record('b', { site: 'north', n: 1 }, { pending: pending(1) }));
    expect(await ids({ index: 'site', equals: 'north' })).toEqual(['a', 'b', 'c']);
    expect(await ids({ index: 'site', equals: 'south' })).toEqual([]);
  });
  test('does not see deleted records, nor counts them against the limit', async () => {
    await put(record('a', null, { pending: pending(1) }));
    expect(await ids({ limit: 2 })).toEqual(['b', 'c']);
    expect(await ids({ index: 'site', equals: 'north' })).toEqual(['c']);
  });
  test('returns 1,000 rows at most unless told otherwise', { timeout: 30_000 }, async () => {
    await put(
      ...Array.from({ length: 1_001 }, (_, at) => ({ ...record(`r${at}`), collection: 'others' })),
    );
    expect(await ids({}, 'others')).toHaveLength(1_000);
    expect(await ids({ limit: 2_000 }, 'others')).toHaveLength(1_002);
  });
});

test('true is not 1: an index tells both apart as the exchange does', async () => {
  await put(
    record('one', { n: 1 }),
    record('true', { n: true }),
    record('zero', { n: 0 }),
    record('false', { n: false }),
    record('text', { n: '1' }),
    record('null', { n: null }),
  );
  expect(await ids({ index: 'n', equals: 1 })).toEqual(['one']);
  expect(await ids({ index: 'n', equals: true })).toEqual(['true']);
  expect(await ids({ index: 'n', equals: false })).toEqual(['false']);
  expect(await ids({ index: 'n', from: 0, to: 1 })).toEqual(['zero', 'one']);
});

describe('a transaction', () => {
  const write = (body: (tx: ReplicaTx) => Promise<unknown>): Promise<unknown> => store.write(body);

  test('that throws stores nothing (law 1)', async () => {
    await put(record('a', { n: 1 }));
    const failing = write(async (tx) => {
      await tx.putRecords([record('a', { n: 2 }), record('b')]);
      await tx.logEvents([{ type: 'change', collection: 'asks', ids: ['b'] }]);
      await tx.putAnswer('q', 0, 'done');
      throw new TypeError('a bug');
    });
    await expect(failing).rejects.toThrow(TypeError);
    expect((await store.read((tx) => tx.record('asks', 'a', 0))).value).toEqual({ id: 'a', n: 1 });
    expect(await ids({})).toEqual(['a']);
    expect(await store.read((tx) => Promise.all([tx.cursor(), tx.isAnswered('q')]))).toEqual([
      0,
      false,
    ]);
  });

  test('holds together however deeply its functions are nested', async () => {
    const deep = async (tx: ReplicaTx, depth: number): Promise<void> => {
      if (depth === 0) {
        await tx.putRecords([record('deep')]);
        return;
      }
      await tx.record('asks', 'deep', 0);
      await Promise.all([deep(tx, depth - 1), (async () => tx.cursor())()]);
      await tx.record('asks', 'deep', 0);
    };
    const failing = write(async (tx) => {
      await deep(tx, 12);
      expect((await tx.record('asks', 'deep', 0)).value).toEqual({ id: 'deep' });
      throw new Error('undone');
    });
    await expect(failing).rejects.toThrow('undone');
    expect(await ids({})).toEqual([]);
  });

  test('that only reads cannot write', async () => {
    await expect(store.read((tx) => tx.putRecords([record('a')]))).rejects.toThrow();
    expect(await ids({})).toEqual([]);
  });

  test('sees earlier writes; concurrent transactions do not mix', async () => {
    const add = (): Promise<unknown> =>
      write(async (tx) => {
        const { value } = await tx.record('asks', 'n', 0);
        await tx.putRecords([record('n', { n: Number(value?.['n'] ?? 0) + 1 })]);
      });
    await Promise.all([add(), add(), add()]);
    expect((await store.read((tx) => tx.record('asks', 'n', 0))).value).toEqual({ id: 'n', n: 3 });
  });
});

describe('records', () => {
  test('an unknown record is absent, not an error', async () => {
    expect(await store.read((tx) => tx.record('asks', 'unheard', 4))).toEqual(
      absent('asks', 'unheard', 4),
    );
  });
  test('many at once come in the requested order', async () => {
    await put(record('a'), record('c'));
    const keys = ['c', 'b', 'a'].map((id) => ['asks', id] as const);
    expect(
      (await store.read((tx) => tx.recordsOf(keys, 4))).map(
        ({ id, revision }) => `${id}${revision}`,
      ),
    ).toEqual(['c1', 'b0', 'a1']);
  });
  test('are read as written, without their index keys', async () => {
    const kept = record(
      'a',
      { site: 'north' },
      { pending: pending(1), mark: { conflictId: 'c', reason: 'edited', fields: '*', base: null } },
    );
    await put(kept);
    expect(await store.read((tx) => tx.record('asks', 'a', 0))).toEqual(kept);
  });
  test('with nothing left to keep are deleted; a tombstone with a revision stays', async () => {
    await put(record('a'), record('b'));
    await put(record('a', null, { revision: 0 }), record('b', null, { revision: 9 }));
    expect((await store.read((tx) => tx.record('asks', 'a', 7))).generation, 'made anew').toBe(7);
    expect((await store.read((tx) => tx.record('asks', 'b', 7))).revision).toBe(9);
    expect(await store.read((tx) => tx.unverified(99, 10))).toHaveLength(1);
  });
  test('not confirmed by the current re-read are found', async () => {
    await put(record('old', {}, { generation: 1 }), record('new', {}, { generation: 2 }));
    expect(idsOf(await store.read((tx) => tx.unverified(2, 10)))).toEqual(['old']);
  });
});

describe('sendable records', () => {
  const mark = { conflictId: 'c', reason: 'edited', fields: ['a'], base: null } as const;
  const rejection = { reason: { kind: 'schema', message: 'no' }, at: 0 };
  beforeEach(async () => {
    await put(
      record('third', {}, { pending: pending(30) }),
      record('first', {}, { pending: pending(10) }),
      record('second', {}, { pending: pending(20) }),
      record('marked', {}, { pending: pending(1), mark }),
      record('rejected', {}, { pending: pending(2), rejection }),
      record('sent', {}, { sealed: pending(3), pending: pending(4) }),
      record('still', {}),
    );
  });
  test('come oldest capture first; conflicts, dead letters, batch are left out', async () => {
    expect(idsOf(await store.read((tx) => tx.sendable(10)))).toEqual(['first', 'second', 'third']);
    expect(idsOf(await store.read((tx) => tx.sendable(2)))).toEqual(['first', 'second']);
  });
  test('each list holds its own kind of record', async () => {
    await store.read(async (tx) => {
      expect(idsOf(await tx.inBatch())).toEqual(['sent']);
      expect(idsOf(await tx.conflicted())).toEqual(['marked']);
      expect(idsOf(await tx.rejected())).toEqual(['rejected']);
      expect(idsOf(await tx.unsettled())).toHaveLength(6);
      expect(await tx.counts()).toEqual({
        unsent: 6,
        pendingCalls: 0,
        followedCalls: 0,
        conflicts: 1,
        deadLetters: 1,
      });
      expect((await tx.withConflict('c'))?.id).toBe('marked');
      expect(await tx.withConflict('other')).toBeUndefined();
      expect(await tx.hasSendable()).toBe(true);
    });
  });
  test('a settled record leaves every list', async () => {
    await put(
      ...['first', 'second', 'third', 'marked', 'rejected', 'sent'].map((id) => record(id)),
    );
    await store.read(async (tx) => {
      expect(await tx.counts()).toEqual({
        unsent: 0,
        pendingCalls: 0,
        followedCalls: 0,
        conflicts: 0,
        deadLetters: 0,
      });
      expect(await tx.hasSendable()).toBe(false);
    });
  });
});

describe('the event log', () => {
  const event = (id: string): UpdraftEvent => ({ type: 'change', collection: 'asks', ids: [id] });
  const log = (...events: readonly UpdraftEvent[]): Promise<unknown> =>
    store.write((tx) => tx.logEvents(events));

  test('numbers events without a gap, and returns the events after a cursor', async () => {
    await log(event('a'), event('b'));
    await log();
    await log(event('c'));
    const { events, complete } = await store.read((tx) => tx.eventsAfter(1));
    expect(events.map(({ cursor, ...rest }) => [cursor, rest])).toEqual([
      [2, event('b')],
      [3, event('c')],
    ]);
    expect(complete).toBe(true);
  });
  test('is bounded, and says when older events are gone', async () => {
    await log(...Array.from({ length: 999 }, (_, at) => event(`${at}`)));
    await log(event('1000th'), event('1001st'), event('1002nd'));
    await store.read(async (tx) => {
      expect(await tx.cursor()).toBe(1_002);
      expect((await tx.eventsAfter(0)).complete).toBe(false);
      expect((await tx.eventsAfter(1)).complete).toBe(false);
      expect((await tx.eventsAfter(2)).complete).toBe(true);
      expect((await tx.eventsAfter(2)).events).toHaveLength(1_000);
    });
  });
  test('is complete for a reader at the end, and for an empty log', async () => {
    expect(await store.read((tx) => tx.eventsAfter(0))).toEqual({ events: [], complete: true });
    await log(event('a'));
    expect(await store.read((tx) => tx.eventsAfter(1))).toEqual({ events: [], complete: true });
  });
});

test('an answered request is remembered for a week', async () => {
  await store.write(async (tx) => {
    await tx.putAnswer('old', 0, { id: 'a' });
    await tx.putAnswer('new', DAY_MS, null);
    await tx.pruneAnswers(7 * DAY_MS + 1);
  });
  expect(
    await store.read((tx) => Promise.all(['old', 'new', 'never'].map((id) => tx.isAnswered(id)))),
  ).toEqual([false, true, false]);
});

test('each user’s replica has a database of its own', async () => {
  await put(record('a'));
  const other = new ReplicaStore('updraft:bob', DECLARATIONS, { indexedDB, IDBKeyRange });
  expect(await other.read((tx) => tx.query('asks', {}))).toEqual({ records: [], more: false });
});

test('an emptied database is noticed: nothing goes on without a replica row', async () => {
  await expect(store.read((tx) => tx.replica())).rejects.toThrow('emptied');
});

test('nothing is left after wipe and destroy', async () => {
  await put(record('a'));
  await store.write((tx) => tx.wipe());
  expect(await ids({})).toEqual([]);
  await put(record('a'));
  await store.destroy();
  expect((await indexedDB.databases()).map(({ name }) => name)).not.toContain('updraft:ana');
});
