import { IDBFactory } from 'fake-indexeddb';
import { expect, test } from 'vitest';
import { readCollections, type Declarations } from '../../shared/collections.ts';
import { TestReplica } from '../testing/test-replica.ts';

const declared = (max: number): Declarations =>
  readCollections({
    version: 1,
    collections: {
      asks: { schema: { properties: { n: { type: 'number', maximum: max } }, required: ['id'] } },
    },
  });

async function withDraft(): Promise<TestReplica> {
  const replica = new TestReplica();
  replica.declarations = declared(10);
  await replica.capture({ op: 'put', value: { id: 'a', n: 11 }, draft: true });
  return replica;
}
const rowOf = (replica: TestReplica) => replica.ask({ type: 'get', collection: 'asks', id: 'a' });

test('fault 82: a draft outlives the worker', async () => {
  const replica = await withDraft();
  await replica.restart();
  expect(await rowOf(replica)).toMatchObject({ state: 'draft', draft: { path: '/n' } });
  expect(await replica.status()).toMatchObject({ unsent: 1, drafts: 1, deadLetters: 0 });
});

test('a sign-out that keeps unsent work keeps a draft', async () => {
  const replica = await withDraft();
  await replica.ask({ type: 'sign-out', unsent: 'keep' });
  await replica.restart();
  const { world } = await replica.open();
  expect(await world.store.read((tx) => tx.rejected())).toMatchObject([
    { id: 'a', value: { n: 11 }, rejection: { draft: true } },
  ]);
});

test('a worker that starts with a schema that allows a draft sends it, and tells', async () => {
  const replica = await withDraft();
  await replica.restart();
  replica.declarations = declared(20);
  expect(await rowOf(replica)).toMatchObject({ state: 'local' });
  expect((await replica.status()).drafts).toBeUndefined();
  expect(replica.events.at(-1)).toMatchObject({ type: 'change', ids: ['a'] });
  const { world } = await replica.open();
  expect(await world.store.read((tx) => tx.deliveries())).toHaveLength(1);
});

test('a running worker sends a draft as soon as newer declarations allow it', async () => {
  const replica = await withDraft();
  const { declare, world } = await replica.open();
  await declare(declared(10.5));
  expect(await rowOf(replica)).toMatchObject({ state: 'draft' });
  await declare(declared(20));
  expect(await rowOf(replica)).toMatchObject({ state: 'local' });
  expect(await world.store.read((tx) => tx.deliveries())).toHaveLength(1);
});

test('a collection that is not declared for a while keeps its drafts', async () => {
  const replica = await withDraft();
  const { declare, world } = await replica.open();
  await declare(readCollections({ version: 1, collections: { others: { schema: {} } } }));
  const kept = await world.store.read((tx) => tx.rejected());
  expect(kept).toMatchObject([{ id: 'a', rejection: { draft: true } }]);
});

test('a draft is restored as a draft when the browser loses the database', async () => {
  const replica = await withDraft();
  await (await replica.open()).mirror.flush();
  await replica.restart();
  expect(replica.mirrored?.records).toMatchObject([{ id: 'a', rejection: { draft: true } }]);
  replica.indexedDB = new IDBFactory();
  expect(await rowOf(replica)).toMatchObject({ state: 'draft', value: { n: 11 } });
});

test('fault 82: a record that broke its schema before is left to the server', async () => {
  const replica = new TestReplica();
  replica.declarations = declared(20);
  await replica.put('a', { n: 15 });
  const { world, declare } = await replica.open();
  await world.store.write(async (tx) => {
    const record = await tx.record('asks', 'a', 1);
    const { pending: _, ...rest } = record;
    await tx.putRecords([{ ...rest, base: record.value, revision: 1 }]);
  });
  await declare(declared(10));
  await replica.capture({ op: 'patch', id: 'a', set: { note: 'seen' }, removed: [] });
  expect(await rowOf(replica)).toMatchObject({ state: 'local', value: { n: 15, note: 'seen' } });
  expect(
    await replica.refusal({
      type: 'capture',
      requestId: replica.name(),
      collection: 'asks',
      change: { op: 'put', value: { id: 'b', n: 15 } },
    }),
  ).toBe('schema');
});
