import { eventually } from './support/eventually.ts';
import { allRows } from './support/indexed-db.ts';
import { giveOldNames } from './support/old-names.ts';
import { isMirroredOn } from './support/profile-storage.ts';
import { expect, test } from './support/test.ts';
import { unsent } from './support/unsent.ts';

test('case B12: a replica from before apps had names is taken over, and arrives once', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana', { keep: true });
  await device.put({ id: `${prefix}sent`, site: 'A7', status: 'ok' });
  await device.settled();
  const { replicaId } = await device.status();
  await device.setOffline(true);
  await device.put({ id: `${prefix}unsent`, site: 'A7', status: 'ok' });
  await eventually(
    () => isMirroredOn(device, 'ana', [`${prefix}unsent`]),
    'the mirror has caught up',
  ).toBe(true);
  await device.closeTab();
  await device.killWorker();
  const beside = await device.context.newPage();
  await beside.goto(new URL('icon-192.png', device.url).href);
  await giveOldNames(beside);

  await device.open();
  await device.connected();
  await beside.close();
  expect((await device.rows(prefix)).map(({ id, state }) => [id, state])).toEqual([
    [`${prefix}sent`, 'synced'],
    [`${prefix}unsent`, unsent],
  ]);
  expect((await device.status()).unsent).toBe(1);
  expect((await store.records(prefix)).map(({ id }) => id)).toEqual([`${prefix}sent`]);
  await device.setOffline(false);
  await device.syncUntilSettled();
  expect((await store.records(prefix)).map(({ id }) => id).toSorted()).toEqual([
    `${prefix}sent`,
    `${prefix}unsent`,
  ]);
  expect((await device.status()).replicaId).toBe(replicaId);
  const databases = new Set((await allRows(device.page)).map(({ database }) => database));
  expect([...databases].filter((name) => name.includes('ana'))).toEqual(['updraft:ana']);
  expect([...databases], 'no wake-up row is left').not.toContain('workbox-background-sync');
});
