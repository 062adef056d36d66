import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { beforeEach, describe, expect, test } from 'vitest';
import { readCollections } from '../../shared/collections.ts';
import { capturedOn } from '../testing/test-capture.ts';
import { advance } from '../outbox/advance.ts';
import { ensureOpenDelivery } from '../outbox/open-delivery.ts';
import { nextDelivery } from '../outbox/seal-delivery.ts';
import { applyVerdict } from '../record/apply-verdict.ts';
import { openDatabase } from './database.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { Replica } from '../state/replica.ts';
import { ReplicaStore } from './replica-store.ts';
import type { ReplicaTx } from './replica-tx.ts';
import type { StoredRecord } from './rows.ts';

const DECLARATIONS = readCollections({ version: 1, collections: { asks: { schema: {} } } });
const REPLICA: Replica = {
  user: 'ana',
  replicaId: 'r1',
  logId: 'l1',
  epoch: 'e1',
  last: null,
  since: 0,
  floor: 0,
  generation: 0,
  rereading: false,
  ready: true,
  seq: 0,
  mutationsMax: 3,
  holding: 'asks',
  backoff: null,
  auth: { kind: 'memory', required: null, signIns: 0 },
};
const MAKING = { now: 0, randomHex: () => crypto.randomUUID() };

let indexedDb: { indexedDB: IDBFactory; IDBKeyRange: typeof IDBKeyRange };
/** The worker that drains. */
let store: ReplicaStore;
/** Another worker of the same user: an update of the app, say, that has just taken over. */
let other: ReplicaStore;
let seq = 0;
beforeEach(async () => {
  indexedDb = { indexedDB: new IDBFactory(), IDBKeyRange };
  store = new ReplicaStore('updraft:ana', DECLARATIONS, indexedDb);
  other = new ReplicaStore('updraft:ana', DECLARATIONS, indexedDb);
  await store.write((tx) => tx.putReplica(REPLICA));
});

const capture = (of: ReplicaStore, ...ids: string[]): Promise<unknown> =>
  of.write(async (tx) => {
    const records = await tx.recordsOf(
      ids.map((id) => ['asks', id]),
      0,
    );
    await tx.putRecords(
      records.map((record) =>
        capturedOn(record, { op: 'put', value: { id: record.id, n: ++seq } }, seq),
      ),
    );
    await ensureOpenDelivery(tx, await tx.replica(), MAKING);
  });
const seal = (): Promise<unknown> =>
  store.write(async (tx) => nextDelivery(tx, await tx.replica(), { ...MAKING, maySeal: true }));
/** Writes as settling does: the delivery ends, then its records are written. */
const settle = (refused: readonly string[] = []): Promise<unknown> =>
  store.write(async (tx) => {
    const inBatch = await tx.inBatch();
    const [delivery] = (await tx.deliveries()).filter(({ batch }) => batch !== undefined);
    if (delivery) await advance(tx, delivery, { kind: 'settle' }, 0);
    const { onItsWay: _, ...replica } = await tx.replica();
    await tx.putReplica(replica);
    await tx.putRecords(
      inBatch.map((record) => (refused.includes(record.id) ? refuse(record) : applied(record))),
    );
  });
const context = { policy: 'ask' as const, generation: 0, now: 0, newConflictId: MAKING.randomHex };
const head = { collection: 'asks', revision: 1 };
const applied = (record: ReplicaRecord): ReplicaRecord =>
  applyVerdict(record, { ...head, id: record.id, verdict: 'applied' }, context);
const refuse = (record: ReplicaRecord): ReplicaRecord =>
  applyVerdict(
    record,
    {
      ...head,
      id: record.id,
      verdict: 'rejected',
      record: null,
      reason: { kind: 'schema', message: 'no' },
    },
    context,
  );

/** Returns everything that the cache may answer. */
const lookAt =
  (limit: number) =>
  async (tx: ReplicaTx): Promise<object> => ({
    counts: await tx.counts(),
    deliveries: await tx.deliveries(),
    inBatch: byId(await tx.inBatch()),
    sendable: byId(await tx.sendable(limit)),
    hasSendable: await tx.hasSendable(),
  });
const byId = (records: readonly ReplicaRecord[]): ReplicaRecord[] =>
  records.toSorted((a, b) => (a.id < b.id ? -1 : 1));
/** Compares the draining worker's cached answers with those of a worker without a cache. */
async function known(limit = 3): Promise<object> {
  const look = lookAt(limit);
  const seen = await store.read(look);
  expect(seen).toEqual(await new ReplicaStore('updraft:ana', DECLARATIONS, indexedDb).read(look));
  return seen;
}

describe('in a drain', () => {
  test('the cache equals the store, at each step', async () => {
    await capture(store, 'a', 'b', 'c', 'd', 'e', 'f', 'g');
    await store.during(async () => {
      await known();
      await seal();
      expect(await known()).toMatchObject({
        counts: { unsent: 7 },
        inBatch: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
        sendable: [{ id: 'd' }, { id: 'e' }, { id: 'f' }],
      });
      await settle(['b']);
      expect(await known()).toMatchObject({
        counts: { unsent: 5, deadLetters: 1 },
        inBatch: [],
        sendable: [{ id: 'd' }, { id: 'e' }, { id: 'f' }],
      });
      await seal();
      await known();
      await capture(store, 'e', 'g', 'h');
      expect(await known()).toMatchObject({
        inBatch: [{ id: 'd' }, { id: 'e', pending: {} }, { id: 'f' }],
        sendable: [{ id: 'g' }, { id: 'h' }],
      });
      await settle();
      await known();
      await seal();
      expect(await known()).toMatchObject({
        counts: { unsent: 4 },
        inBatch: [{ id: 'e' }, { id: 'g' }, { id: 'h' }],
      });
      await settle();
      expect(await known()).toMatchObject({ counts: { unsent: 1 }, deliveries: [], sendable: [] });
    });
  });

  test('rows are not read again, also when two readers read at once', async () => {
    await capture(store, 'a', 'b', 'c', 'd', 'e');
    await store.during(async () => {
      await seal();
      await Promise.all([store.read((tx) => tx.sendable(3)), store.read((tx) => tx.counts())]);
      await writeRaw((row) => ({ ...row, id: `${row.id}!` }));
      await settle();
      await seal();
      expect(await store.read(lookAt(3))).toMatchObject({ inBatch: [{ id: 'd' }, { id: 'e' }] });
    });
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'records read ahead of a batch of three (%i)',
    async (ahead) => {
      await capture(store, 'a', 'b', 'c', 'd', 'e', 'f', 'g');
      await store.during(async () => {
        for (let batch = 0; batch < 3; batch++) {
          if (ahead > 0) await store.read((tx) => tx.sendable(ahead));
          await seal();
          if (ahead % 2 === 0) await known(ahead);
          await settle();
          await known(ahead);
        }
        expect(await known()).toMatchObject({ counts: { unsent: 0 }, deliveries: [] });
      });
    },
  );
});

describe('in a drain, when something fails', () => {
  test('an aborted transaction caches nothing', async () => {
    await capture(store, 'a', 'b');
    await store.during(async () => {
      await known();
      const given = store.write(async (tx) => {
        await nextDelivery(tx, await tx.replica(), { ...MAKING, maySeal: true });
        await tx.putRecords((await tx.inBatch()).map(applied));
        throw new Error('given up');
      });
      await expect(given).rejects.toThrow('given up');
      expect(await known()).toMatchObject({
        counts: { unsent: 2 },
        inBatch: [],
        sendable: [{ id: 'a' }, { id: 'b' }],
      });
    });
  });

  test('an emptied store is found empty', async () => {
    await capture(store, 'a', 'b');
    await store.during(async () => {
      await seal();
      await store.write((tx) => tx.wipe());
      expect(await known()).toMatchObject({
        counts: { unsent: 0 },
        deliveries: [],
        inBatch: [],
        sendable: [],
      });
    });
  });
});

test.each([
  ['by this worker', () => store],
  ['by another', () => other],
])('an older change that becomes sendable behind the batch: decided %s', async (_by, decider) => {
  const mark = { conflictId: 'c', reason: 'edited', fields: ['n'], base: null } as const;
  const decide = (
    of: ReplicaStore,
    change: (record: ReplicaRecord) => ReplicaRecord,
  ): Promise<void> =>
    of.write(async (tx) => {
      await tx.putRecords([change(await tx.record('asks', 'old', 0))]);
      await ensureOpenDelivery(tx, await tx.replica(), MAKING);
    });
  await capture(store, 'old', 'a', 'b');
  await decide(store, (record) => ({ ...record, mark }));
  await store.during(async () => {
    await known();
    await seal();
    expect(await known()).toMatchObject({ inBatch: [{ id: 'a' }, { id: 'b' }], sendable: [] });
    await decide(decider(), ({ mark: _, ...record }) => record);
    expect(await known()).toMatchObject({
      inBatch: [{ id: 'a' }, { id: 'b' }],
      sendable: [{ id: 'old' }],
    });
    await settle();
    await seal();
    expect(await known()).toMatchObject({ inBatch: [{ id: 'old' }] });
  });
});

describe('another worker’s write during a drain', () => {
  test('to a record of the in-flight batch: the answer meets the change', async () => {
    await capture(store, 'a', 'b');
    await store.during(async () => {
      await seal();
      await known();
      await capture(other, 'a');
      expect(await known()).toMatchObject({
        inBatch: [{ id: 'a', sealed: {}, pending: {} }, { id: 'b' }],
      });
      await settle();
      expect(await known()).toMatchObject({
        counts: { unsent: 1 },
        sendable: [{ id: 'a', pending: {} }],
      });
    });
  });

  test('to a record read ahead: the newest form is sealed', async () => {
    await capture(store, 'a', 'b', 'c', 'd');
    await store.during(async () => {
      await seal();
      await known();
      await capture(other, 'd');
      await settle();
      await seal();
      expect(await known()).toMatchObject({
        inBatch: [{ id: 'd', sealed: { net: { set: { n: seq } } } }],
      });
    });
  });
});

test('outside drains records are read again', async () => {
  await capture(store, 'a', 'b');
  await store.during(() => store.read(lookAt(3)));
  await writeRaw((row) => (row.id === 'a' ? { ...row, value: { id: 'a', n: 'raw' } } : row));
  expect(await store.read((tx) => tx.sendable(2))).toMatchObject([{ value: { n: 'raw' } }, {}]);
});

/** Writes as a script in the app's origin could. */
async function writeRaw(change: (row: StoredRecord) => StoredRecord): Promise<void> {
  const db = openDatabase('updraft:ana', indexedDb);
  const table = db.table<StoredRecord>('records');
  const rows = await table.toArray();
  await table.clear();
  await table.bulkPut(rows.map(change));
  db.close();
}
