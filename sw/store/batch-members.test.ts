import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { beforeEach, expect, test } from 'vitest';
import { readCollections } from '../../shared/collections.ts';
import { capturedOn } from '../testing/test-capture.ts';
import { nextDelivery } from '../outbox/seal-delivery.ts';
import { ensureOpenDelivery } from '../outbox/open-delivery.ts';
import { absent, type ReplicaRecord } from '../record/record.ts';
import { openDatabase } from './database.ts';
import type { Replica } from '../state/replica.ts';
import { ReplicaStore } from './replica-store.ts';
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
  mutationsMax: 100,
  holding: 'asks',
  backoff: null,
  auth: { kind: 'memory', required: null, signIns: 0 },
};
const MAKING = { now: 0, randomHex: () => crypto.randomUUID() };

let indexedDb: { indexedDB: IDBFactory; IDBKeyRange: typeof IDBKeyRange };
let store: ReplicaStore;
beforeEach(async () => {
  indexedDb = { indexedDB: new IDBFactory(), IDBKeyRange };
  store = new ReplicaStore('updraft:ana', DECLARATIONS, indexedDb);
  await store.write((tx) => tx.putReplica(REPLICA));
});

const captured = (id: string, seq: number, part: Partial<ReplicaRecord> = {}): ReplicaRecord => ({
  ...capturedOn(absent('asks', id, 0), { op: 'put', value: { id, n: seq } }, seq),
  ...part,
});
const put = (...records: ReplicaRecord[]): Promise<unknown> =>
  store.write(async (tx) => {
    await tx.putRecords(records);
    await ensureOpenDelivery(tx, await tx.replica(), MAKING);
  });
const seal = (): Promise<unknown> =>
  store.write(async (tx) => nextDelivery(tx, await tx.replica(), { ...MAKING, maySeal: true }));
const idsOf = (records: readonly ReplicaRecord[]): string[] =>
  records.map(({ id }) => id).toSorted();
const lists = (): Promise<{ inBatch: string[]; sendable: string[]; hasSendable: boolean }> =>
  store.read(async (tx) => ({
    inBatch: idsOf(await tx.inBatch()),
    sendable: idsOf(await tx.sendable(10)),
    hasSendable: await tx.hasSendable(),
  }));
async function rawRows(): Promise<StoredRecord[]> {
  const db = openDatabase('updraft:ana', indexedDb);
  const rows = await db.table<StoredRecord>('records').toArray();
  db.close();
  return rows;
}

test('sealing writes no record; afterwards each record is read in its sealed form', async () => {
  await put(captured('a', 1), captured('b', 2));
  const before = await rawRows();
  await seal();
  expect(await rawRows()).toEqual(before);
  expect(await lists()).toEqual({ inBatch: ['a', 'b'], sendable: [], hasSendable: false });
  const { sealed, pending } = await store.read((tx) => tx.record('asks', 'a', 0));
  expect(sealed).toMatchObject({ firstSeq: 1, lastSeq: 1, net: { set: { n: 1 } } });
  expect(pending).toBeUndefined();
});

test('an edit of a record in the in-flight batch keeps the sent change apart', async () => {
  await put(captured('a', 1), captured('b', 2));
  await seal();
  await store.write(async (tx) =>
    tx.putRecords([
      capturedOn(
        await tx.record('asks', 'a', 0),
        { op: 'patch', id: 'a', set: { n: 9 }, removed: [] },
        3,
      ),
    ]),
  );
  expect(await store.read((tx) => tx.record('asks', 'a', 0))).toMatchObject({
    sealed: { net: { set: { n: 1 } }, lastSeq: 1 },
    pending: { net: { set: { n: 9 } }, firstSeq: 3 },
  });
  expect(await lists()).toEqual({ inBatch: ['a', 'b'], sendable: [], hasSendable: false });
});

test('captures made while a batch is in flight are not in the batch', async () => {
  await put(captured('a', 1));
  await seal();
  await put(captured('late', 2));
  expect(await lists()).toEqual({ inBatch: ['a'], sendable: ['late'], hasSendable: true });
});

test('an older change that becomes sendable after sealing is not in the batch', async () => {
  const mark = { conflictId: 'c', reason: 'edited', fields: ['n'], base: null } as const;
  await put(captured('old', 1, { mark }), captured('a', 2));
  await seal();
  expect(await lists()).toEqual({ inBatch: ['a'], sendable: [], hasSendable: false });
  await put(captured('old', 1));
  expect(await lists()).toEqual({ inBatch: ['a'], sendable: ['old'], hasSendable: true });
});

test.each<[string, object]>([
  ['is none', { batch: '{"mutations":7}' }],
  [
    'names no record',
    {
      number: 1,
      nonce: 'n',
      batch:
        '{"number":1,"nonce":"n","mutations":[{"collection":"asks","id":"a","firstSeq":"first"}]}',
    },
  ],
  ['has another number', { number: 2 }],
  ['has another nonce', { nonce: 'another' }],
])(
  'fault 39: a batch overwritten with %s is quarantined, and blocks sealing',
  async (_name, part) => {
    await put(captured('a', 1));
    await seal();
    const db = openDatabase('updraft:ana', indexedDb);
    await db
      .table('deliveries')
      .filter(({ batch }) => batch !== undefined)
      .modify(part);
    db.close();
    await seal();
    await store.read(async (tx) => {
      expect((await tx.deliveries()).filter(({ batch }) => batch !== undefined)).toEqual([]);
      expect(await tx.quarantine.count()).toBe(1);
    });
  },
);
