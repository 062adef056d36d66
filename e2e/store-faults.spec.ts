import { WAITING_WORDS } from '../demo/src/words.ts';
import { eventually } from './support/eventually.ts';
import { allRows } from './support/indexed-db.ts';
import { expect, test } from './support/test.ts';
import { unsent } from './support/unsent.ts';

test('fault 13: the status says how safe the browser keeps the data', async ({ device }) => {
  await device.openSignedIn('ana');
  const persisted = await device.page.evaluate(() => navigator.storage.persisted());
  await eventually(async () => (await device.status()).durability, 'what the browser says').toBe(
    persisted ? 'persistent' : 'best-effort',
  );
});

test('fault 13: a private window works as any other, and promises nothing of the storage', async ({
  newDevice,
  store,
  prefix,
}) => {
  const device = await newDevice({ isPrivate: true });
  await device.openSignedIn('ana');
  await device.setOffline(true);
  await device.put({ id: `${prefix}private`, site: 'A7', status: 'ok' });
  await device.reload();
  expect(await device.rows(prefix)).toMatchObject([{ id: `${prefix}private`, state: unsent }]);
  expect((await device.status()).durability, 'no browser says that a window is private').toBe(
    'best-effort',
  );
  await device.setOffline(false);
  await device.syncUntilSettled();
  await store.hasLive(prefix, 1);
});

test('fault 16: a change under another protocol is held, told, and arrives once later', async ({
  device,
  site,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  site.wire.fail(['hello', 'exchange'], 'newer-provider');
  await device.put({ id: `${prefix}held`, site: 'A7', status: 'ok' });
  await eventually(async () => (await device.status()).waiting?.for, 'what it waits for').toBe(
    'update',
  );
  await expect(device.page.getByText(WAITING_WORDS.update.text)).toBeVisible();
  expect((await device.status()).unsent).toBe(1);
  // The batch was applied and answered, in a form that this version does not read.
  const taken = await store.hasLive(prefix, 1);
  site.wire.heal();
  await device.syncUntilSettled();
  expect(await store.records(prefix)).toEqual(taken);
});

test('fault 39: rows overwritten by a script are neither shown nor sent', async ({
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
    const row = {
      collection: 'inspections',
      base: null,
      revision: 0,
      generation: 1,
      ix: [],
      unsettled: 1,
    };
    const pending = (set: unknown): object => ({
      net: { kind: 'edit', set, removed: [], inc: {} },
      firstSeq: 90,
      lastSeq: 90,
    });
    await write('updraft@/ ana', 'records', [
      { ...row, id: `${before}shape`, value: 'a text', pending: 7, sendable: 90 },
      {
        ...row,
        id: `${before}proto`,
        value: { id: `${before}proto` },
        pending: pending(JSON.parse('{"__proto__":{"admin":true}}')),
        sendable: 91,
      },
      {
        ...row,
        id: `${before}large`,
        value: { id: `${before}large` },
        pending: pending({ note: 'x'.repeat(5_000_000) }),
        sendable: 92,
      },
    ]);
    await write('updraft@/ ana', 'requests', [
      { requestId: `${before}answer`, at: 'long ago', answer: 'done' },
    ]);
    await write('updraft@/ ana', 'events', [
      {
        cursor: 900_000,
        events: [{ type: 'change', collection: 'inspections', ids: 'all', cursor: 9e15 }],
      },
    ]);
    await write('updraft@/ ana', 'history', [
      { seq: Number.MAX_SAFE_INTEGER, at: 'then', kind: 'rocket' },
    ]);
    await write('updraft@/ ana', 'inputs', [{ key: 'pending', seenAt: 'now', inputs: 7 }]);
    const call = {
      seq: 1,
      runId: 'r',
      operation: 'triggerDagRun',
      lane: 'dag:x',
      request: { operation: 'triggerDagRun', dagId: 'x' },
      capturedAt: 1,
      attempts: 0,
    };
    await write('updraft@/ ana', 'calls', [
      { ...call, id: `${before}call`, state: { kind: 'flying' }, turn: ['dag:x', 1] },
    ]);
    const entry = {
      requestData: { url: 'https://elsewhere.example/steal', method: 'POST' },
      metadata: { deliveryId: 'foreign', lane: 'exchange:ana' },
      queueName: 'updraft@/',
      timestamp: 1,
    };
    await write('workbox-background-sync', 'requests', [entry]);
  }, prefix);
  // A stored answer is read again by a mirror of unsent work, and by nobody once all work is sent.
  await device.put({ id: `${prefix}later`, site: 'A7', status: 'ok' });
  const inQuarantine = async (): Promise<string[]> =>
    (await allRows(device.page))
      .filter((row) => row.store === 'quarantine')
      .map(({ json }) => json);
  await eventually(
    async () => (await inQuarantine()).some((json) => json.includes('"table":"requests"')),
    'the answer that makes no sense was met',
  ).toBe(true);
  await device.setOffline(false);
  await device.sync();
  await store.hasLive(prefix, 2);
  expect((await device.rows(prefix)).map(({ id }) => id)).toEqual([
    `${prefix}good`,
    `${prefix}later`,
  ]);
  expect(await device.page.evaluate(() => client().airflow.calls())).toEqual([]);
  expect(JSON.stringify(await device.page.evaluate(() => client().history()))).not.toContain(
    'rocket',
  );
  await eventually(async () => (await device.status()).quarantined, 'each row counted once').toBe(
    8,
  );
  await eventually(
    async () => (await device.status()).unsent,
    'what was unsent in them: three records and a call',
  ).toBe(4);
  const rows = await device.page.evaluate(() => client().quarantine());
  for (const { number } of rows.filter(({ unsent }) => unsent))
    await device.page.evaluate((one) => client().discardQuarantined(one), number);
  expect(await device.status()).toMatchObject({ unsent: 0, quarantined: 4 });
  expect([...new Set(asked)]).toEqual([device.url]);
});
