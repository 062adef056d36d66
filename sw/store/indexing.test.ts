import { beforeEach, describe, expect, test, vi } from 'vitest';
import { readCollections, type Declarations } from '../../shared/collections.ts';
import type { Json } from '../../shared/json.ts';
import { handleCommand } from '../commands/handle-command.ts';
import type { OpenReplica } from '../open-replica.ts';
import { absent, type ReplicaRecord } from '../record/record.ts';
import { ReplicaTx } from './replica-tx.ts';
import { TestReplica } from '../testing/test-replica.ts';

const declare = (indexes: Record<string, readonly string[]>): Declarations =>
  readCollections({
    version: 1,
    collections: Object.fromEntries(
      Object.entries(indexes).map(([name, fields]) => [name, { schema: {}, indexes: fields }]),
    ),
  });
const WITHOUT = declare({ asks: ['site'] });
const WITH = declare({ asks: ['site', 'note'] });

let device: TestReplica;
beforeEach(() => {
  device = new TestReplica();
  device.declarations = WITHOUT;
});

/** The next worker, of an app with these declarations. */
async function deploy(declarations: Declarations): Promise<OpenReplica> {
  await device.restart();
  device.declarations = declarations;
  return device.open();
}
function record(id: string, fields: Record<string, Json>, collection = 'asks'): ReplicaRecord {
  const doc = { ...fields, id };
  return { ...absent(collection, id, 1), base: doc, value: doc, revision: 1 };
}
async function store(records: readonly ReplicaRecord[]): Promise<void> {
  await (await device.open()).world.store.write((tx) => tx.putRecords(records));
}
const found = async (query: Record<string, unknown>, collection = 'asks'): Promise<string[]> =>
  (await device.ask({ type: 'query', collection, query })).map(({ id }) => id);
const numbered = (count: number): ReplicaRecord[] =>
  Array.from({ length: count }, (_, at) =>
    record(`r${`${at}`.padStart(6, '0')}`, { note: `n${at % 7}` }),
  );

describe('case A14: an index added to stored rows (fault 58)', () => {
  test('holds all rows, without a sync and at the first query', async () => {
    for (const id of ['a', 'b', 'c']) await device.put(id, { note: id });
    await deploy(WITH);
    expect(await found({ index: 'note' })).toEqual(['a', 'b', 'c']);
    expect(await found({ index: 'note', equals: 'b' })).toEqual(['b']);
  });

  test('of many rows: the query waits, and the successor of a killed worker goes on', async () => {
    await store(numbered(1_100));
    const slices = vi.spyOn(ReplicaTx.prototype, 'indexAnew');
    const first = await deploy(WITH);
    await kill(first);
    expect(
      await first.world.store.read((tx) => tx.isIndexed('asks')),
      'the killed worker had not finished',
    ).toBe(false);
    expect(await found({ index: 'note', limit: 5_000 })).toHaveLength(1_100);
    expect(
      slices.mock.calls.length,
      'slices of both workers: none is made twice',
    ).toBeLessThanOrEqual(6);
    slices.mockRestore();
  });

  test('lets writes come in between: a write waits for one slice', async () => {
    await store(numbered(1_500));
    const { world, indexing } = await deploy(WITH);
    const order: string[] = [];
    const walk = indexing.finished().then(() => order.push('indexed'));
    await world.store
      .write((tx) => tx.putRecords([record('new', { note: 'n3' })]))
      .then(() => order.push('written'));
    await walk;
    expect(order).toEqual(['written', 'indexed']);
    expect(await found({ index: 'note', equals: 'n3', limit: 5_000 })).toContain('new');
  });

  test('removed and added again: holds the rows written without it meanwhile', async () => {
    await deploy(WITH);
    await device.put('a', { note: 'one' });
    await deploy(WITHOUT);
    await device.put('b', { note: 'one' });
    await deploy(WITH);
    expect(await found({ index: 'note', equals: 'one' })).toEqual(['a', 'b']);
  });

  test('rows that the earlier worker still writes after all rows are indexed', async () => {
    await device.put('a', { note: 'one' });
    const before = await device.open();
    device.forget();
    device.declarations = WITH;
    expect(await found({ index: 'note' })).toEqual(['a']);
    await before.world.store.write((tx) => tx.putRecords([record('late', { note: 'one' })]));
    expect(await found({ index: 'note' })).toEqual(['a', 'late']);
  });

  test('of a collection declared later than its rows', async () => {
    await store([record('a', { note: 'x' }, 'things'), record('b', { note: 'y' }, 'things')]);
    await deploy(declare({ asks: ['site'], things: ['note'] }));
    expect(await found({ index: 'note' }, 'things')).toEqual(['a', 'b']);
  });

  test('a corrupt note of the progress: all rows are indexed anew', async () => {
    await device.put('a', { note: 'one' });
    for (const keys of [7, { asks: 7 }, { asks: { by: 'x', upTo: {} } }, null]) {
      await writeKeys(keys);
      await deploy(WITH);
      expect(await found({ index: 'note' })).toEqual(['a']);
      await deploy(WITHOUT);
    }
  });

  test('unfinished: the page is told, and never gets a part as the whole', async () => {
    await store(numbered(600));
    const replica = await deploy(WITH);
    replica.indexing.close();
    await replica.indexing.finished();
    expect(
      await device.refusal({ type: 'query', collection: 'asks', query: { index: 'note' } }),
    ).toBe('indexing');
    expect(await found({})).toHaveLength(600);
  });
});

/** The killed worker makes no further slice, and has closed nothing. */
async function kill(replica: OpenReplica): Promise<void> {
  replica.indexing.close();
  await replica.indexing.finished();
  device.forget();
}

/** Writes a row as a script in the app's origin could. */
async function writeKeys(keys: unknown): Promise<void> {
  await device.restart();
  await new Promise<void>((resolve, reject) => {
    const opening = device.indexedDB.open('updraft:ana');
    opening.onerror = () => reject(opening.error ?? new Error('not opened'));
    opening.onsuccess = () => {
      const db = opening.result;
      const transaction = db.transaction('replica', 'readwrite');
      transaction.objectStore('replica').put({ key: 'stamp', stamp: 'x', keys });
      transaction.oncomplete = () => {
        db.close();
        resolve();
      };
    };
  });
}

describe('case A15: an answer says whether rows are missing', () => {
  const ask = async (query: Record<string, unknown>): Promise<[number, unknown]> => {
    const { result, more } = await handleCommand(await device.open(), {
      type: 'query',
      collection: 'asks',
      query,
    });
    return [result.length, more];
  };
  test(
    'cut by a limit, the default limit too, the answer carries `more`',
    { timeout: 30_000 },
    async () => {
      await store(numbered(1_000));
      expect(await ask({})).toEqual([1_000, undefined]);
      expect(await ask({ limit: 999 })).toEqual([999, true]);
      expect(await ask({ limit: 1_000, order: 'descending' })).toEqual([1_000, undefined]);
      await store([record('zz', {})]);
      expect(await ask({})).toEqual([1_000, true]);
      expect(await ask({ limit: Number.MAX_SAFE_INTEGER })).toEqual([1_001, undefined]);
    },
  );
  test('bounds on the id are kept', async () => {
    await store(['a', 'b', 'c', 'd'].map((id) => record(id, {})));
    expect(await found({ index: 'id', from: 'b', to: 'c' })).toEqual(['b', 'c']);
    expect(await found({ index: 'id', equals: 'd' })).toEqual(['d']);
    expect(await found({ index: 'id', from: 'c', to: 'a' })).toEqual([]);
    expect(await found({ index: 'id', from: 'b', order: 'descending', limit: 2 })).toEqual([
      'd',
      'c',
    ]);
  });
});

describe('case A16: records without the field', () => {
  beforeEach(() =>
    store([
      record('1', { site: '2026-01-02' }),
      record('2', {}),
      record('3', { site: null }),
      record('4', { site: { a: 1 } }),
      record('5', { site: ['x'] }),
      record('6', { site: '' }),
      record('7', { site: false }),
      record('8', { site: true }),
      record('9', { site: 0 }),
    ]),
  );
  test('are found by `missing`: absent, null, lists and objects', async () => {
    expect(await found({ index: 'site', missing: true })).toEqual(['2', '3', '4', '5']);
    expect(await found({ index: 'site', missing: true, order: 'descending', limit: 1 })).toEqual([
      '5',
    ]);
  });
  test('are in no other answer by the index; both answers together hold all records', async () => {
    expect(await found({ index: 'site' })).toEqual(['9', '6', '1', '7', '8']);
    expect(await found({ index: 'site', from: '' })).toEqual(['6', '1', '7', '8']);
    expect(await found({})).toHaveLength(9);
  });
  test('a record that gets or loses the field moves to the other answer', async () => {
    await device.put('2', { site: 'now' });
    await device.put('1', {});
    expect(await found({ index: 'site', missing: true })).toEqual(['1', '3', '4', '5']);
    expect(await found({ index: 'site', equals: 'now' })).toEqual(['2']);
  });
  test('a deleted record is in neither', async () => {
    await device.capture({ op: 'delete', id: '2' });
    expect(await found({ index: 'site', missing: true })).toEqual(['3', '4', '5']);
  });
});

test('values of all kinds are found: -0 is 0, `true` is not 1, long texts are whole', async () => {
  const long = 'é'.repeat(20_000);
  await store([
    record('minus', { site: -0 }),
    record('zero', { site: 0 }),
    record('one', { site: 1 }),
    record('true', { site: true }),
    record('text', { site: '1' }),
    record('long', { site: long }),
    record('longer', { site: `${long}x` }),
  ]);
  expect(await found({ index: 'site', equals: 0 })).toEqual(['minus', 'zero']);
  expect(await found({ index: 'site', equals: -0 })).toEqual(['minus', 'zero']);
  expect(await found({ index: 'site', equals: 1 })).toEqual(['one']);
  expect(await found({ index: 'site', equals: true })).toEqual(['true']);
  expect(await found({ index: 'site', equals: '1' })).toEqual(['text']);
  expect(await found({ index: 'site', equals: long })).toEqual(['long']);
});
