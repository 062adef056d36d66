import { Dexie } from 'dexie';
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { expect, test } from 'vitest';
import { ReplicaStore } from './replica-store.ts';

const VERSION_1 = {
  records: '[collection+id], *ix, sendable, inBatch, conflictId, rejected, unsettled, generation',
  deliveries: 'deliveryId',
  replica: 'key',
  events: 'cursor',
  requests: 'requestId, at',
  secrets: 'key',
};

test('a delivery of version 1 that was being voided goes on being voided', async () => {
  const indexedDb = { indexedDB: new IDBFactory(), IDBKeyRange };
  const old = new Dexie('updraft:ana', indexedDb);
  old.version(1).stores(VERSION_1);
  const reason = { kind: 'too_large', message: 'too large' };
  const batch = {
    lane: 'exchange:ana',
    number: 5,
    nonce: 'n5',
    batch: '{"number":5,"nonce":"n5","mutations":[]}',
  };
  await old.table('deliveries').bulkAdd([
    { ...batch, deliveryId: 'd1', state: { kind: 'voiding', attempt: 2, reason } },
    { deliveryId: 'd2', lane: 'exchange:ana', state: { kind: 'open' } },
  ]);
  old.close();
  const store = new ReplicaStore('updraft:ana', {}, indexedDb);
  expect(await store.read((tx) => tx.deliveries())).toMatchObject([
    { ...batch, deliveryId: 'd1', state: { kind: 'sealed', attempt: 2 }, refusal: reason },
    { deliveryId: 'd2', state: { kind: 'open' } },
  ]);
  store.close();
});

test('an event of version 2 is told under its own cursor, before newer events', async () => {
  const indexedDb = { indexedDB: new IDBFactory(), IDBKeyRange };
  const old = new Dexie('updraft:ana', indexedDb);
  old.version(1).stores(VERSION_1);
  old.version(2).stores({ history: '++seq' });
  const event = (id: string): { type: 'change'; collection: string; ids: string[] } => ({
    type: 'change',
    collection: 'asks',
    ids: [id],
  });
  await old.table('events').bulkAdd([
    { ...event('a'), cursor: 7 },
    { ...event('b'), cursor: 8 },
  ]);
  old.close();
  const store = new ReplicaStore('updraft:ana', {}, indexedDb);
  await store.write((tx) => tx.logEvents([event('c'), event('d')]));
  const { events } = await store.read((tx) => tx.eventsAfter(7));
  expect(events).toEqual([
    { ...event('b'), cursor: 8 },
    { ...event('c'), cursor: 9 },
    { ...event('d'), cursor: 10 },
  ]);
  store.close();
});
