import {
  forceCloseDatabase,
  IDBDatabase,
  IDBFactory,
  IDBKeyRange,
  IDBObjectStore,
} from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { UpdraftError } from '../../shared/errors.ts';
import { plantRows } from '../testing/plant-rows.ts';
import { TestReplica } from '../testing/test-replica.ts';
import { readBatch, TestServer } from '../testing/test-server.ts';
import { ReplicaStore } from './replica-store.ts';

let device: TestReplica;
let server: TestServer;
beforeEach(() => {
  device = new TestReplica();
  server = new TestServer();
  device.transport = server.transport;
});
afterEach(() => vi.restoreAllMocks());

async function plant(table: string, ...rows: object[]): Promise<void> {
  await device.open();
  await plantRows(device.indexedDB, 'ana', table, rows);
}

/** fake-indexeddb types the instance as its class. */
const closeByForce = forceCloseDatabase as unknown as (connection: IDBDatabase) => void;

describe('fault 8: the browser closes the connection', () => {
  /** After `after` good transactions, this many transactions meet a closing connection. */
  let closing = 0;
  let passing = 0;
  beforeEach(() => {
    [closing, passing] = [0, 0];
    const method = 'transaction';
    const original = IDBDatabase.prototype[method];
    vi.spyOn(IDBDatabase.prototype, method).mockImplementation(function (
      this: IDBDatabase,
      ...args: Parameters<typeof original>
    ) {
      if (passing-- <= 0 && closing-- > 0)
        throw new DOMException('The database connection is closing.', 'InvalidStateError');
      return original.apply(this, args);
    });
  });

  test('once: the connection is opened again, and the capture succeeds', async () => {
    await device.put('x');
    closing = 4;
    await device.put('y');
    expect(closing).toBeLessThan(1);
    expect((await device.status()).unsent).toBe(2);
  });
  test('in the middle of a transaction: the capture succeeds, once', async () => {
    await device.put('x', { n: 0 });
    const connections = vi.spyOn(IDBDatabase.prototype, 'close');
    let isClosed = false;
    const method = 'put';
    const put = IDBObjectStore.prototype[method];
    vi.spyOn(IDBObjectStore.prototype, method).mockImplementation(function (
      this: IDBObjectStore,
      ...args: Parameters<typeof put>
    ) {
      const request = put.apply(this, args);
      if (!isClosed && this.name === 'records') {
        isClosed = true;
        closeByForce(this.transaction.db);
      }
      return request;
    });
    await device.capture({ op: 'increment', id: 'x', by: { n: 1 } });
    expect(await device.ask({ type: 'get', collection: 'asks', id: 'x' })).toMatchObject({
      value: { n: 1 },
    });
    expect(connections).toHaveBeenCalled();
  });
  test('for good, after the capture is stored: the capture is acknowledged', async () => {
    await device.put('x');
    [closing, passing] = [Number.POSITIVE_INFINITY, 1];
    await device.put('y');
    closing = 0;
    expect((await device.ask({ type: 'outbox' })).map(({ id }) => id)).toEqual(['x', 'y']);
  });
  test('for good: the capture is rejected, typed, and earlier captures are there', async () => {
    await device.put('x');
    closing = Number.POSITIVE_INFINITY;
    expect(
      await device.refusal({
        type: 'capture',
        requestId: 'q',
        collection: 'asks',
        change: { op: 'put', value: { id: 'y' } },
      }),
    ).toBe('storage');
    closing = 0;
    expect((await device.status()).unsent).toBe(1);
  });
  test('at random moments: each capture is stored once, or rejected and not stored', async () => {
    await device.put('sum', { n: 0 });
    let expected = 0;
    for (let n = 0; n < 40; n++) {
      closing = (n * 7) % 5 === 0 ? (n * 31) % 9 : 0;
      const change = { op: 'increment', id: 'sum', by: { n: 1 } } as const;
      const outcome = await device.refusal({
        type: 'capture',
        requestId: `q${n}`,
        collection: 'asks',
        change,
      });
      expect(['none', 'storage']).toContain(outcome);
      if (outcome === 'none') expected += 1;
    }
    closing = 0;
    expect(await device.ask({ type: 'get', collection: 'asks', id: 'sum' })).toMatchObject({
      value: { n: expected },
    });
  });
});

test('fault 10: a database that does not open rejects captures until opened', async () => {
  const { indexedDB } = device;
  const open = vi.spyOn(indexedDB, 'open').mockImplementation(() => {
    throw new DOMException(
      'Internal error opening backing store for indexedDB.open.',
      'UnknownError',
    );
  });
  await expect(device.put('x')).rejects.toMatchObject({
    kind: 'storage',
    message: expect.stringContaining('backing store'),
  });
  open.mockRestore();
  device.forget();
  await device.put('x');
  expect((await device.status()).unsent).toBe(1);
});

describe('fault 14: an old connection holds the database', () => {
  test(
    'the request is refused in time, pages are asked to close, and opening succeeds later',
    { timeout: 20_000 },
    async () => {
      const indexedDB = new IDBFactory();
      const old = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open('updraft:ana', 1);
        request.onsuccess = () => resolve(request.result);
      });
      let blocked = 0;
      const store = new ReplicaStore(
        'updraft:ana',
        {},
        { indexedDB, IDBKeyRange },
        { onBlocked: () => blocked++ },
      );
      /** Reads the store; expects the refusal when so much time has passed, and not before. */
      const refusedAfter = async (ms: number): Promise<void> => {
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
        onTestFinished(() => void vi.useRealTimers());
        let kind: string | undefined;
        const reading = store
          .read((tx) => tx.counts())
          .catch((error: UpdraftError) => (kind = error.kind));
        // The database in memory takes each step of its work in a turn of the event loop.
        for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
        await vi.advanceTimersByTimeAsync(ms - 1);
        expect(kind).toBeUndefined();
        await vi.advanceTimersByTimeAsync(1);
        await reading;
        expect(kind).toBe('storage-blocked');
      };
      await refusedAfter(4_000);
      expect(blocked).toBe(1);
      // Asked again while the request to open is still there.
      await refusedAfter(4_000);
      old.close();
      expect(await store.read((tx) => tx.counts())).toMatchObject({ unsent: 0 });
    },
  );
});

const good = {
  collection: 'asks',
  id: 'good',
  base: null,
  revision: 0,
  value: { id: 'good' },
  generation: 1,
  ix: [],
  unsettled: 1,
  sendable: 1,
};

test('fault 39: a corrupt row that two readers find at once is counted once', async () => {
  await device.put('good');
  await plant('records', { ...good, id: 'p', pending: 7 });
  const query = (): Promise<unknown> =>
    device.ask({ type: 'query', collection: 'asks', query: {} });
  await Promise.all([query(), query(), query()]);
  expect((await device.status()).quarantined).toBe(1);
});

test('fault 39: a write that met a corrupt row that cannot be moved runs once', async () => {
  await device.put('x', { n: 0 });
  await plant('records', { collection: 'asks', id: 'p', value: 7, unsettled: 1 });
  const { world } = await device.open();
  const method = 'add';
  const original = IDBObjectStore.prototype[method];
  const refused = vi.spyOn(IDBObjectStore.prototype, method).mockImplementation(function (
    this: IDBObjectStore,
    ...args: Parameters<typeof original>
  ) {
    if (this.name === 'quarantine') throw new DOMException('no room', 'QuotaExceededError');
    return original.apply(this, args);
  });
  const add = (): Promise<void> =>
    world.store.write(async (tx) => {
      const [record] = await tx.unsettled();
      if (record?.pending)
        await tx.putRecords([
          { ...record, value: { id: 'x', n: Number(record.value?.['n']) + 1 } },
        ]);
    });
  await add();
  await add();
  expect(refused).toHaveBeenCalledTimes(2);
  expect(await device.ask({ type: 'get', collection: 'asks', id: 'x' })).toMatchObject({
    value: { n: 2 },
  });
});

describe('fault 39: corrupt rows', () => {
  const net = { kind: 'edit', set: { a: 1 }, removed: [], inc: {} };
  const poisonedSet = JSON.parse('{"__proto__":{"isAdmin":true}}') as object;
  const poisons: Record<string, object> = {
    'of the wrong shape': {
      ...good,
      id: 'p',
      pending: { net: 'DROP TABLE', firstSeq: 1, lastSeq: 1 },
    },
    'with a key __proto__': {
      ...good,
      id: 'p',
      pending: { net: { ...net, set: poisonedSet }, firstSeq: 1, lastSeq: 1 },
    },
    'of 5 MB': {
      ...good,
      id: 'p',
      pending: { net: { ...net, set: { a: 'x'.repeat(5_000_000) } }, firstSeq: 1, lastSeq: 1 },
    },
    'with a number for an id in its document': {
      ...good,
      id: 'p',
      value: { id: 7 },
      pending: { net, firstSeq: 1, lastSeq: 1 },
    },
    'without a revision': {
      ...good,
      id: 'p',
      revision: 'all',
      pending: { net, firstSeq: 1, lastSeq: 1 },
    },
  };
  test.each(Object.entries(poisons))(
    'a record %s is quarantined, told once, counted as unsent, and never sent',
    async (_name, poison) => {
      await device.signIn();
      await device.put('good');
      await plant('records', poison);
      device.isOnline = true;
      expect(
        (await device.ask({ type: 'query', collection: 'asks', query: {} })).map(({ id }) => id),
      ).toEqual(['good']);
      await device.sync();
      await device.sync();
      expect(server.batches.flatMap(readBatch).map(({ id }) => id)).toEqual(['good']);
      expect(await device.status()).toMatchObject({ quarantined: 1, unsent: 1, deadLetters: 1 });
      expect(device.events.filter(({ type }) => type === 'quarantined')).toMatchObject([
        { count: 1 },
      ]);
    },
  );

  test('a corrupt batch is not sent: its changes wait for a person', async () => {
    await device.signIn();
    device.isOnline = true;
    await device.sync();
    device.transport = {
      carriesPrivate: true,
      exchange: async () => ({ kind: 'retry', for: 'network' }),
    };
    await device.put('x');
    await device.sync();
    const [delivery] = await (await device.open()).world.store.read((tx) => tx.deliveries());
    await plant('deliveries', { ...delivery, batch: { url: 'https://elsewhere.example/' } });
    device.transport = server.transport;
    await device.sync();
    await device.sync();
    expect(server.batches).toEqual([]);
    expect(await device.ask({ type: 'conflicts' })).toMatchObject([
      { recordId: 'x', reason: 'forked' },
    ]);
    expect((await device.status()).quarantined).toBe(1);
  });

  test('a corrupt replica row is restored from the mirror', async () => {
    await device.put('x');
    await (await device.open()).mirror.flush();
    await plant('replica', { key: 'replica', user: 'ben', since: 'everything' });
    await device.restart();
    expect(await device.status()).toMatchObject({
      user: 'ana',
      unsent: 1,
      quarantined: 1,
      storageLost: { restored: 1 },
    });
  });

  test(
    'at random: with any row overwritten, only mutations of the protocol are sent',
    { timeout: 30_000 },
    async () => {
      await device.signIn();
      await device.put('good');
      const junk = [null, 7, 'x', [], {}, { id: 'p' }, true, -1, '\u0000', 'x'.repeat(70_000)];
      const fields = [
        'base',
        'revision',
        'value',
        'pending',
        'generation',
        'mark',
        'rejection',
        'run',
        'refusals',
      ];
      let seed = 1;
      const pick = <T>(from: readonly T[]): T | undefined =>
        from[(seed = (seed * 48_271) % 2_147_483_647) % from.length];
      const rows = Array.from({ length: 200 }, (_, n) => ({
        ...good,
        id: `p${n}`,
        value: { id: `p${n}`, a: 1 },
        pending: { net, firstSeq: 10 + n, lastSeq: 10 + n },
        sendable: 10 + n,
        [pick(fields) ?? '']: pick(junk),
      }));
      await plant('records', ...rows);
      device.isOnline = true;
      for (let round = 0; round < 3; round++) await device.sync();
      const sent = server.batches.flatMap(readBatch);
      expect(sent.map(({ id }) => id)).toContain('good');
      for (const { id, set = {} } of sent)
        expect([id, set]).toEqual([id, id === 'good' ? {} : { a: 1 }]);
      expect((await device.status()).quarantined).toBeGreaterThan(100);
    },
  );
});
