import { WAITING_WORDS } from '../demo/src/words.ts';
import { eventually } from './support/eventually.ts';
import { allRows } from './support/indexed-db.ts';
import { expect, test } from './support/test.ts';

test('fault 13: the status says how safe the browser keeps the data', async ({ device }) => {
  await device.openSignedIn('ana');
  const persisted = await device.page.evaluate(() => navigator.storage.persisted());
  await eventually(async () => (await device.status()).durability, 'what the browser says').toBe(persisted ? 'persistent' : 'best-effort');
});

test('fault 13: in a private window it works as elsewhere, and nothing is promised of the storage', async ({ newDevice, store, prefix }) => {
  const device = await newDevice({ isPrivate: true });
  await device.openSignedIn('ana');
  await device.setOffline(true);
  await device.put({ id: `${prefix}private`, site: 'A7', status: 'ok' });
  await device.reload();
  expect(await device.rows(prefix)).toMatchObject([{ id: `${prefix}private`, state: 'local' }]);
  expect((await device.status()).durability, 'no browser says that a window is private').toBe('best-effort');
  await device.setOffline(false);
  await device.syncUntilSettled();
  await store.hasLive(prefix, 1);
});

test('fault 15: a page of another version is told to reload, and does nothing', async ({ device, prefix }) => {
  await device.openSignedIn('ana');
  const told = await device.page.evaluate(async (id) => {
    const ask = (updraft: number): Promise<{ error?: { kind: string } }> =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }: MessageEvent<{ error?: { kind: string } }>) => resolve(data);
        const command = { type: 'capture', requestId: `${updraft}`, collection: 'inspections', change: { op: 'put', value: { id, site: 'A7', status: 'ok' } } };
        navigator.serviceWorker.controller?.postMessage({ updraft, user: 'ana', command }, [port2]);
      });
    return Promise.all([1, 99].map(async (version) => (await ask(version)).error?.kind));
  }, `${prefix}other-version`);
  expect(told).toEqual(['reload-needed', 'reload-needed']);
  expect(await device.rows(prefix)).toEqual([]);
});

test('fault 16: Airflow is updated to another protocol under a waiting change: it is held, told, and arrives once when both agree again', async ({
  device,
  site,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  site.wire.fail(['hello', 'exchange'], 'newer-provider');
  await device.put({ id: `${prefix}held`, site: 'A7', status: 'ok' });
  await eventually(async () => (await device.status()).waiting?.for, 'what it waits for').toBe('update');
  await expect(device.page.getByText(WAITING_WORDS.update.text)).toBeVisible();
  expect((await device.status()).unsent).toBe(1);
  // Its batch was taken and answered, in words this version does not read.
  const taken = await store.hasLive(prefix, 1);
  site.wire.heal();
  await device.syncUntilSettled();
  expect(await store.records(prefix)).toEqual(taken);
});

test('fault 39: rows that a script has written over are neither shown nor sent, and nothing goes anywhere but to Airflow', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  await device.setOffline(true);
  await device.put({ id: `${prefix}good`, site: 'A7', status: 'ok' });
  const asked: string[] = [];
  device.context.on('request', (request) => asked.push(new URL(request.url()).origin));
  await device.page.evaluate(async (before) => {
    const open = (name: string): Promise<IDBDatabase> =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open(name);
        request.addEventListener('success', () => resolve(request.result));
        request.addEventListener('error', () => reject(new Error(String(request.error))));
      });
    const write = async (name: string, table: string, rows: object[]): Promise<void> => {
      const database = await open(name);
      const transaction = database.transaction(table, 'readwrite');
      for (const row of rows) transaction.objectStore(table).put(row);
      await new Promise((resolve) => transaction.addEventListener('complete', resolve));
      database.close();
    };
    const row = { collection: 'inspections', base: null, revision: 0, generation: 1, ix: [], unsettled: 1 };
    const pending = (set: unknown): object => ({ net: { kind: 'edit', set, removed: [], inc: {} }, firstSeq: 90, lastSeq: 90 });
    await write('updraft:ana', 'records', [
      { ...row, id: `${before}shape`, value: 'a text', pending: 7, sendable: 90 },
      { ...row, id: `${before}proto`, value: { id: `${before}proto` }, pending: pending(JSON.parse('{"__proto__":{"admin":true}}')), sendable: 91 },
      { ...row, id: `${before}large`, value: { id: `${before}large` }, pending: pending({ note: 'x'.repeat(5_000_000) }), sendable: 92 },
    ]);
    await write('updraft:ana', 'requests', [{ requestId: `${before}answer`, at: 'long ago', answer: 'done' }]);
    await write('updraft:ana', 'events', [{ cursor: 900_000, events: [{ type: 'change', collection: 'inspections', ids: 'all', cursor: 9e15 }] }]);
    await write('updraft:ana', 'history', [{ seq: Number.MAX_SAFE_INTEGER, at: 'then', kind: 'rocket' }]);
    await write('updraft:ana', 'inputs', [{ key: 'pending', seenAt: 'now', inputs: 7 }]);
    const call = {
      seq: 1,
      runId: 'r',
      operation: 'triggerDagRun',
      lane: 'dag:x',
      request: { operation: 'triggerDagRun', dagId: 'x' },
      capturedAt: 1,
      attempts: 0,
    };
    await write('updraft:ana', 'calls', [{ ...call, id: `${before}call`, state: { kind: 'flying' }, turn: ['dag:x', 1] }]);
    const entry = {
      requestData: { url: 'https://elsewhere.example/steal', method: 'POST' },
      metadata: { deliveryId: 'foreign', lane: 'exchange:ana' },
      queueName: 'updraft',
      timestamp: 1,
    };
    await write('workbox-background-sync', 'requests', [entry]);
  }, prefix);
  // What was answered is read again by a mirror of what is unsent, and by nobody once all is sent.
  await device.put({ id: `${prefix}later`, site: 'A7', status: 'ok' });
  const inQuarantine = async (): Promise<string[]> => (await allRows(device.page)).filter((row) => row.store === 'quarantine').map(({ json }) => json);
  await eventually(async () => (await inQuarantine()).some((json) => json.includes('"table":"requests"')), 'the answer that makes no sense was met').toBe(true);
  await device.setOffline(false);
  await device.syncUntilSettled();
  await store.hasLive(prefix, 2);
  expect((await device.rows(prefix)).map(({ id }) => id)).toEqual([`${prefix}good`, `${prefix}later`]);
  expect(await device.page.evaluate(() => client().airflow.calls())).toEqual([]);
  expect(JSON.stringify(await device.page.evaluate(() => client().history()))).not.toContain('rocket');
  await eventually(async () => (await device.status()).quarantined, 'each row counted once').toBe(8);
  expect([...new Set(asked)]).toEqual([device.url]);
});
