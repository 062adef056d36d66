import { expect, test } from 'vitest';
import { TestReplica } from '../testing/test-replica.ts';
import { inspect, listDatabases } from './inspect.ts';

/** A factory whose first requests to open fail, like Chromium's where the files are damaged. */
function failingFirst(times: number, factory: IDBFactory, name = 'UnknownError'): IDBFactory {
  const failing = {
    asked: 0,
    databases: () => factory.databases(),
    open(...args: Parameters<IDBFactory['open']>) {
      if (++failing.asked > times) return factory.open(...args);
      const request = {
        error: new DOMException('Internal error opening backing store.', name),
      } as unknown as IDBOpenDBRequest;
      queueMicrotask(() => request.onerror?.(new Event('error')));
      return request;
    },
  };
  return failing as unknown as IDBFactory;
}

async function withReplica(): Promise<IDBFactory> {
  const device = new TestReplica();
  await device.put('x');
  await device.restart();
  return device.indexedDB;
}

test('fault 9: a database with damaged files is opened again after a first failure', async () => {
  const factory = await withReplica();
  for (const times of [1, 2])
    expect(await inspect('updraft:ana', failingFirst(times, factory))).toMatchObject({
      kind: 'replica',
      user: 'ana',
    });
});

test('a database that cannot be opened at all, or for another reason, rejects', async () => {
  const factory = await withReplica();
  await expect(inspect('updraft:ana', failingFirst(3, factory))).rejects.toMatchObject({
    name: 'UnknownError',
  });
  await expect(
    inspect('updraft:ana', failingFirst(1, factory, 'QuotaExceededError')),
  ).rejects.toMatchObject({ name: 'QuotaExceededError' });
});

test('fault 9: the list of databases is read again too', async () => {
  const factory = await withReplica();
  let failures = 2;
  const failing = {
    databases: () =>
      failures-- > 0
        ? Promise.reject(new DOMException('Internal error', 'UnknownError'))
        : factory.databases(),
  };
  expect(await listDatabases(failing as unknown as IDBFactory)).toMatchObject([
    { name: 'updraft:ana' },
  ]);
});
