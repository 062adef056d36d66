import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { beforeEach, expect, test } from 'vitest';
import type { HistoryFact, HistoryFilter } from '../../shared/history.ts';
import { HISTORY_KEPT_MAX } from './history-log.ts';
import { ReplicaStore } from './replica-store.ts';

let store: ReplicaStore;
beforeEach(() => {
  store = new ReplicaStore('updraft:ana', {}, { indexedDB: new IDBFactory(), IDBKeyRange });
});
const circuit = (failures: number): HistoryFact => ({
  kind: 'circuit',
  from: 'closed',
  to: 'open',
  failures,
});
const moved = (deliveryId: string): HistoryFact => ({
  kind: 'delivery-moved',
  deliveryId,
  lane: 'l',
  from: 'open',
  to: 'sealed',
});

test('entries are read newest first, by kind, time and limit', async () => {
  await store.write(async (tx) => {
    await tx.appendHistory(10, [moved('a'), circuit(1)]);
    await tx.appendHistory(20, [moved('b')]);
  });
  const read = (filter: HistoryFilter): Promise<number[]> =>
    store.read(async (tx) => (await tx.history(filter)).map(({ seq }) => seq));
  expect(await read({})).toEqual([3, 2, 1]);
  expect(await read({ kinds: ['delivery-moved'] })).toEqual([3, 1]);
  expect(await read({ since: 20 })).toEqual([3]);
  expect(await read({ limit: 2 })).toEqual([3, 2]);
});

test('an entry is stored together with the change, or not at all', async () => {
  await expect(
    store.write(async (tx) => {
      await tx.appendHistory(1, [moved('a')]);
      throw new Error('the transaction is given up');
    }),
  ).rejects.toThrow('given up');
  expect(await store.read((tx) => tx.history({}))).toEqual([]);
});

test('the log is bounded: the oldest entries go, and numbers go on', async () => {
  for (let block = 0; block < 3; block++)
    await store.write((tx) =>
      tx.appendHistory(
        block,
        Array.from({ length: 1_000 }, (_, n) => circuit(n)),
      ),
    );
  const entries = await store.read((tx) => tx.history({}));
  expect(entries).toHaveLength(HISTORY_KEPT_MAX);
  expect([entries.at(0)?.seq, entries.at(-1)?.seq]).toEqual([3_000, 1_001]);
});
