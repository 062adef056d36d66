import { rename, writeFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { ERROR_WORDS } from '../demo/src/words.ts';
import { MESSAGES_VERSION } from '../shared/protocol-version.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import {
  databaseOf,
  isMirroredOn,
  takeDatabases,
  takeDatabasesWithoutPage,
} from './support/profile-storage.ts';
import { expect, test } from './support/test.ts';

/**
 * Returns the kind of error that a capture ends with, requested from the worker by a page that
 * could not connect.
 */
function refusalOf(
  { page }: Device,
  id: string,
): Promise<{ kind: string; message: string } | undefined> {
  return page.evaluate(
    ({ updraft, record }) =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }: MessageEvent<{ error?: { kind: string; message: string } }>) =>
          resolve(data.error);
        const command = {
          type: 'capture',
          requestId: record,
          collection: 'inspections',
          change: { op: 'put', value: { id: record, site: 'A7', status: 'ok' } },
        };
        navigator.serviceWorker.controller?.postMessage({ updraft, user: 'ana', command }, [port2]);
      }),
    { updraft: MESSAGES_VERSION, record: id },
  );
}

test('fault 10: the database does not open: no capture is accepted, the person is told', async ({
  device,
  newDevice,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana', { keep: true });
  await device.setOffline(true);
  await device.put({ id: `${prefix}before`, site: 'A7', status: 'ok' });
  const database = await databaseOf(device);
  await device.close();
  await rename(database, `${database}.aside`);
  await writeFile(database, 'in the way');

  const again = await newDevice({ profile: device.profile });
  await again.open();
  await expect(again.page.getByText(ERROR_WORDS.storage)).toBeVisible();
  expect(await refusalOf(again, `${prefix}refused`)).toMatchObject({
    kind: 'storage',
    message: expect.stringContaining('restart the browser'),
  });

  await rename(database, `${database}.file`);
  await rename(`${database}.aside`, database);
  await again.reload();
  await again.syncUntilSettled();
  expect((await store.records(prefix)).map(({ id }) => id)).toEqual([`${prefix}before`]);
});

/**
 * The browser closes the connection of the running worker by force, and removes the database: the
 * mirror has the unsent work, and the next capture succeeds.
 */
async function loseDatabaseUnderWorker(device: Device, prefix: string): Promise<void> {
  await device.setOffline(true);
  await device.put({ id: `${prefix}kept`, site: 'A7', status: 'ok' });
  await eventually(
    () => isMirroredOn(device, 'ana', [`${prefix}kept`]),
    'the mirror has caught up',
  ).toBe(true);
  await takeDatabases(device);
  await device.put({ id: `${prefix}sent`, site: 'A7', status: 'ok' });
  expect(await device.status()).toMatchObject({
    unsent: 2,
    storageLost: { unsent: 1, restored: 1 },
  });
  await device.setOffline(false);
  await device.syncUntilSettled();
}

test('faults 8 and 12: database removed, then all site data cleared: an empty new replica', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  await loseDatabaseUnderWorker(device, prefix);
  const { replicaId } = await device.status();
  await device.setOffline(true);
  await device.put({ id: `${prefix}unsent`, site: 'A7', status: 'ok' });
  await device.cdp.send('Storage.clearDataForOrigin', {
    origin: new URL(device.url).origin,
    storageTypes: 'all',
  });
  await device.closeTab();
  await device.setOffline(false);

  await device.openSignedIn('ana');
  const status = await device.status();
  expect([status.unsent, status.waiting, status.storageLost], 'no false claim').toEqual([
    0,
    undefined,
    undefined,
  ]);
  expect(status.replicaId).not.toBe(replicaId);
  expect((await device.rows(prefix)).map(({ id, state }) => [id, state])).toEqual([
    [`${prefix}kept`, 'synced'],
    [`${prefix}sent`, 'synced'],
  ]);
  await device.put({ id: `${prefix}new`, site: 'A7', status: 'ok' });
  await device.settled();
  expect((await store.records(prefix)).map(({ id }) => id)).toEqual([
    `${prefix}kept`,
    `${prefix}new`,
    `${prefix}sent`,
  ]);
});

test('fault 8: database removed without a page: the sync event restores and sends', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  await takeDatabasesWithoutPage(device, `${prefix}kept`);
  await store.hasLive(prefix, 1);

  await device.open();
  await device.connected();
  await device.settled();
  expect(await device.status()).toMatchObject({ storageLost: { unsent: 1, restored: 1 } });
  expect((await device.rows(prefix)).map(({ id, state }) => [id, state])).toEqual([
    [`${prefix}kept`, 'synced'],
  ]);
});

/**
 * Turns the database back into version 1, with the present contents; the tab keeps the database
 * open and does not let go.
 */
function goBackToVersion1(page: Page): Promise<void> {
  return page.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.addEventListener('success', () => resolve(request.result));
        request.addEventListener('error', () => reject(new Error(String(request.error))));
      });
    const stores: Record<string, { key: string | string[]; indexes: string[] }> = {
      records: {
        key: ['collection', 'id'],
        indexes: ['ix', 'sendable', 'inBatch', 'conflictId', 'rejected', 'unsettled', 'generation'],
      },
      deliveries: { key: 'deliveryId', indexes: [] },
      replica: { key: 'key', indexes: [] },
      events: { key: 'cursor', indexes: [] },
      requests: { key: 'requestId', indexes: ['at'] },
      secrets: { key: 'key', indexes: [] },
    };
    const now = await done(indexedDB.open('updraft@/ ana'));
    const kept = await Promise.all(
      Object.keys(stores).map(
        async (name) =>
          [name, await done(now.transaction(name).objectStore(name).getAll())] as const,
      ),
    );
    now.close();
    await done(indexedDB.deleteDatabase('updraft@/ ana'));
    const opening = indexedDB.open('updraft@/ ana', 10);
    opening.addEventListener('upgradeneeded', () => {
      for (const [name, { key, indexes }] of Object.entries(stores)) {
        const made = opening.result.createObjectStore(name, { keyPath: key });
        for (const index of indexes) made.createIndex(index, index, { multiEntry: index === 'ix' });
      }
    });
    const old = await done(opening);
    const writing = old.transaction(Object.keys(stores), 'readwrite');
    for (const [name, rows] of kept) for (const row of rows) writing.objectStore(name).put(row);
    await new Promise((resolve) => writing.addEventListener('complete', resolve));
    Object.assign(window, { old });
  });
}

test('fault 14: an old tab holds the database: the person is told, closing it resumes', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  await device.setOffline(true);
  await device.put({ id: `${prefix}old`, site: 'A7', status: 'ok' });
  await device.closeTab();
  await device.killWorker();
  const oldTab = await device.context.newPage();
  await oldTab.goto(new URL('icon-192.png', device.url).href);
  await goBackToVersion1(oldTab);

  await device.open();
  await expect(device.page.getByText(ERROR_WORDS['storage-blocked'])).toBeVisible();
  expect(await refusalOf(device, `${prefix}refused`)).toMatchObject({
    kind: 'storage-blocked',
    message: expect.stringContaining('Close the other tabs'),
  });
  await oldTab.close();
  await device.reload();
  expect((await device.rows(prefix)).map(({ id }) => id)).toEqual([`${prefix}old`]);
  await device.setOffline(false);
  await device.syncUntilSettled();
  expect((await store.records(prefix)).map(({ id }) => id)).toEqual([`${prefix}old`]);
});
