import { IDBObjectStore } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TestReplica } from '../testing/test-replica.ts';
import { readBatch, TestServer } from '../testing/test-server.ts';

let device: TestReplica;
let server: TestServer;
beforeEach(() => {
  device = new TestReplica();
  server = new TestServer();
  device.transport = server.transport;
});
afterEach(() => vi.restoreAllMocks());

/** Refuses every row of one table as a full disk does, while this is set. */
function fill(isFull: (table: string, row: unknown) => boolean): void {
  for (const method of ['put', 'add'] as const) {
    const original = IDBObjectStore.prototype[method];
    vi.spyOn(IDBObjectStore.prototype, method).mockImplementation(function (
      this: IDBObjectStore,
      ...args: Parameters<typeof original>
    ) {
      if (isFull(this.name, args[0])) throw new DOMException('no room', 'QuotaExceededError');
      return original.apply(this, args);
    });
  }
}

describe('fault 11: no room', () => {
  test('a capture is rejected with storage-full, and stores nothing', async () => {
    await device.put('x');
    let isFull = true;
    fill((table) => isFull && table === 'records');
    await expect(device.put('y')).rejects.toMatchObject({ kind: 'storage-full' });
    isFull = false;
    expect((await device.ask({ type: 'outbox' })).map(({ id }) => id)).toEqual(['x']);
  });

  test('copies are evicted, unsent work never; the status tells, and sync() re-reads', async () => {
    await device.signIn();
    device.isOnline = true;
    await device.put('cached');
    await device.sync();
    device.isOnline = false;
    await device.put('unsent');
    const { world } = await device.open();
    const isCached = (): Promise<boolean> =>
      world.store.read(async (tx) => (await tx.record('asks', 'cached', 0)).base !== null);
    expect(await isCached()).toBe(true);
    let refused = 0;
    fill((table) => table === 'records' && refused++ === 0);
    await device.put('new');
    expect(await isCached()).toBe(false);
    expect((await device.ask({ type: 'outbox' })).map(({ id }) => id)).toEqual(['new', 'unsent']);
    expect(await device.status()).toMatchObject({ partial: true, unsent: 2 });
    device.isOnline = true;
    await device.sync();
    expect((await device.status()).partial).toBeUndefined();
    expect(server.sinces.at(-1)).toBe(0);
  });

  test('the record of the capture itself is not evicted', async () => {
    await device.signIn();
    device.isOnline = true;
    await device.put('a', { n: 1 });
    await device.put('b');
    await device.sync();
    let refused = 0;
    fill((table) => table === 'records' && refused++ === 0);
    await device.capture({ op: 'increment', id: 'a', by: { n: 1 } });
    expect(await device.ask({ type: 'get', collection: 'asks', id: 'a' })).toMatchObject({
      value: { n: 2 },
    });
  });
});

describe('fault 11: no room, even after evictions', () => {
  test(
    'where evictions make no room, as in Chromium, a worker evicts little, and once',
    { timeout: 20_000 },
    async () => {
      await device.signIn();
      await device.put('unsent');
      const { world } = await device.open();
      const clean = { collection: 'asks', base: null, revision: 1, generation: 1, value: null };
      const rows = Array.from({ length: 2_500 }, (_, n) => ({
        ...clean,
        id: `r${n}`,
        base: { id: `r${n}` },
        value: { id: `r${n}` },
      }));
      await world.store.write((tx) => tx.putRecords(rows));
      const kept = async (): Promise<number> =>
        (await device.ask({ type: 'query', collection: 'asks', query: { limit: 10_000 } })).length;
      let isFull = true;
      fill((table) => isFull && table === 'records');
      await expect(device.put('y')).rejects.toMatchObject({ kind: 'storage-full' });
      expect(await kept()).toBe(501);
      await expect(device.put('z')).rejects.toMatchObject({ kind: 'storage-full' });
      expect(await kept()).toBe(501);
      isFull = false;
      await device.put('z');
      expect((await device.ask({ type: 'outbox' })).map(({ id }) => id)).toEqual(['unsent', 'z']);
    },
  );

  test('an answer is settled where room is left, though the next batch has none', async () => {
    await device.signIn();
    device.isOnline = true;
    await device.sync();
    device.isOnline = false;
    await device.put('x');
    await device.put('y');
    const { world } = await device.open();
    await world.store.write(async (tx) =>
      tx.putReplica({ ...(await tx.replica()), mutationsMax: 1 }),
    );
    device.isOnline = true;
    let isFull = true;
    fill((table, row) => isFull && table === 'deliveries' && Object(row).number === 2);
    await expect(device.sync()).rejects.toMatchObject({ kind: 'storage-full' });
    expect((await device.ask({ type: 'outbox' })).map(({ id, state }) => [id, state])).toEqual([
      ['y', 'local'],
    ]);
    isFull = false;
    expect(await device.sync()).toMatchObject({ unsent: 0 });
    expect(server.batches.flatMap(readBatch).map(({ id }) => id)).toEqual(['x', 'y']);
  });

  test('a drain without room waits for the storage, and tells the unsent count', async () => {
    await device.signIn();
    device.isOnline = true;
    await device.sync();
    device.isOnline = false;
    await device.put('x');
    device.isOnline = true;
    let isFull = true;
    fill((table) => isFull && (table === 'deliveries' || table === 'records'));
    for (const failures of [1, 2]) {
      await expect(device.sync()).rejects.toMatchObject({ kind: 'storage-full' });
      expect(await device.status()).toMatchObject({
        phase: 'waiting',
        waiting: { for: 'storage', failures },
        unsent: 1,
      });
    }
    expect(device.broadcasts.at(-1)).toMatchObject({
      status: { waiting: { for: 'storage', failures: 2, until: device.now + 10_000 } },
    });
    expect(server.batches).toEqual([]);
    isFull = false;
    expect(await device.sync()).toMatchObject({ phase: 'idle', unsent: 0 });
    expect((await device.status()).waiting).toBeUndefined();
  });
});

test('fault 11, 25: a probe of a failing server without room does not block the next', async () => {
  await device.signIn();
  device.isOnline = true;
  await device.sync();
  device.transport = {
    carriesPrivate: true,
    exchange: async () => ({ kind: 'retry', for: 'airflow' }),
  };
  await device.put('x');
  await device.sync();
  let isFull = true;
  fill((table) => isFull && table === 'deliveries');
  await expect(device.sync()).rejects.toMatchObject({ kind: 'storage-full' });
  isFull = false;
  device.transport = server.transport;
  expect(await device.sync()).toMatchObject({ phase: 'idle', unsent: 0 });
});
