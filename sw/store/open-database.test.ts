import { Dexie } from 'dexie';
import { IDBDatabase, IDBKeyRange } from 'fake-indexeddb';
import { expect, test, vi } from 'vitest';
import { TestReplica } from '../testing/test-replica.ts';

test('fault 16: a database of a newer version is refused, and stays whole', async () => {
  const device = new TestReplica();
  await device.put('x');
  await device.restart();
  const newer = new Dexie('updraft:ana', { indexedDB: device.indexedDB, IDBKeyRange });
  const schema = Object.fromEntries(
    (await newer.open()).tables.map(({ name, schema: { primKey, indexes } }) => [
      name,
      [primKey, ...indexes].map(({ src }) => src).join(),
    ]),
  );
  newer.close();
  newer.version(newer.verno + 1).stores({ ...schema, inputs: null, later: 'id' });
  await newer.open();
  const { version } = newer.backendDB();
  newer.close();
  for (const attempt of ['y', 'z']) {
    device.forget();
    await expect(device.put(attempt)).rejects.toMatchObject({
      kind: 'reload-needed',
      message: expect.stringContaining('newer version'),
    });
  }
  await newer.open();
  expect(Math.floor(newer.backendDB().version / 10)).toBe(version / 10);
  expect((await newer.table('records').toArray()).map(({ id }: { id: string }) => id)).toEqual([
    'x',
  ]);
  newer.close();
});

test('fault 6: every writing transaction asks for strict durability', async () => {
  const opened = vi.spyOn(IDBDatabase.prototype, 'transaction');
  const device = new TestReplica();
  await device.signIn();
  await device.put('x');
  await device.ask({ type: 'sync' });
  await device.restart();
  await device.put('y');
  const writing = opened.mock.calls.filter(([, mode]) => mode === 'readwrite');
  expect(writing.length).toBeGreaterThan(4);
  expect(new Set(writing.map(([, , options]) => options?.durability))).toEqual(new Set(['strict']));
  opened.mockRestore();
});
