import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { takeDatabasesWithoutPage } from './support/profile-storage.ts';
import { expect, test } from './support/test.ts';
import { writeUnchecked } from './support/unchecked.ts';

interface Shown {
  readonly tag: string;
  readonly body: string;
}

/** Answers the browser's question whether the app may notify. */
const answer = (device: Device, setting: 'granted' | 'denied'): Promise<unknown> =>
  device.cdp.send('Browser.setPermission', {
    permission: { name: 'notifications' },
    setting,
    origin: device.url,
  });

/** The notifications that the browser shows for this app. */
const shown = (device: Device): Promise<Shown[]> =>
  device.page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    return (await registration.getNotifications()).map(({ tag, body }) => ({ tag, body }));
  });

/** Returns the worker's notifications with no page open; undefined without a worker. */
const shownToNobody = (device: Device): Promise<Shown[] | undefined> =>
  inWorker(device, async () => {
    const { registration } = globalThis as unknown as {
      readonly registration: ServiceWorkerRegistration;
    };
    return (await registration.getNotifications()).map(({ tag, body }) => ({ tag, body }));
  });

/** Returns how many changes of Ben's were refused, as the worker has stored. */
const refusedToBen = (device: Device): Promise<number | undefined> =>
  inWorker(
    device,
    () =>
      new Promise<number>((resolve, reject) => {
        const opening = indexedDB.open('updraft@/ ben');
        opening.addEventListener('error', () => reject(new Error(String(opening.error))));
        opening.addEventListener('success', () => {
          const counting = opening.result
            .transaction('records')
            .objectStore('records')
            .index('rejected')
            .count();
          counting.addEventListener(
            'success',
            () => (opening.result.close(), resolve(counting.result)),
          );
        });
      }),
  );

/** A worker that the browser stops meanwhile gives no answer. */
const inWorker = <T>(device: Device, body: () => Promise<T>): Promise<T | undefined> =>
  device.context
    .serviceWorkers()[0]
    ?.evaluate(body)
    .catch(() => undefined) ?? Promise.resolve(undefined);

/**
 * Captures without a network and closes the app; then the network is back, and the browser wakes
 * the worker, with no page of the app.
 */
async function sendWithoutPage(device: Device, capture: () => Promise<unknown>): Promise<void> {
  await device.setOffline(true);
  await capture();
  await device.closeTab();
  await device.context.setOffline(false);
}

/** Captures a record that Airflow will refuse, as an older worker has, which did not check it. */
async function putUnchecked(device: Device, user: string, id: string): Promise<void> {
  await device.put({ id, site: 'A7', status: 'ok' });
  const record = { collection: 'inspections', id, user };
  await writeUnchecked(device.page, record, { status: 'nonsense' });
}

test('refused without a page: a lasting notification, replaced by a second refusal’s', async ({
  device,
  prefix,
}) => {
  await device.openSignedIn('ana', { keep: true });
  await answer(device, 'granted');
  for (const count of [1, 2]) {
    await sendWithoutPage(device, () => putUnchecked(device, 'ana', `${prefix}bad${count}`));
    const one = [{ tag: 'updraft:dead-letter', body: expect.stringContaining(`${count} change`) }];
    await eventually(() => shownToNobody(device), 'the one notification').toEqual(one);
    await device.open();
    await device.connected();
    expect(await shown(device), 'it is the person who takes it away').toEqual(one);
    expect(await device.deadLetters()).toHaveLength(count);
  }
});

test('a conflict that arises while no page is open: one notification', async ({
  newDevice,
  prefix,
}) => {
  const id = `${prefix}both`;
  const [ana, ben] = await Promise.all([newDevice(), newDevice()]);
  await Promise.all([ana.openSignedIn('ana'), ben.openSignedIn('ben', { keep: true })]);
  await answer(ben, 'granted');
  await ana.put({ id, site: 'A7', status: 'ok' });
  await ana.settled();
  await eventually(
    async () => (await ben.sync()).ready && (await ben.get(id))?.state,
    'the record on the other device',
  ).toBe('synced');
  await ben.setOffline(true);
  await ana.patch(id, { status: 'fail' });
  await ana.syncUntilSettled();
  await sendWithoutPage(ben, () => ben.patch(id, { status: 'watch' }));
  await eventually(
    async () => (await shownToNobody(ben))?.map(({ tag }) => tag),
    'the one notification',
  ).toEqual(['updraft:conflict']);
  await ben.open();
  await ben.connected();
  expect(await ben.conflicts()).toMatchObject([{ recordId: id }]);
});

test('a page in view tells by itself, and a person who has not allowed it is not notified', async ({
  device,
  newDevice,
  prefix,
}) => {
  await device.openSignedIn('ana');
  await answer(device, 'granted');
  await device.page.bringToFront();
  await device.captureAsOneBatch(() => putUnchecked(device, 'ana', `${prefix}seen`));
  await eventually(() => device.deadLetters(), 'the refusal').toHaveLength(1);
  expect(await shown(device)).toEqual([]);
  const silent = await newDevice();
  await silent.openSignedIn('ben', { keep: true });
  await answer(silent, 'denied');
  await sendWithoutPage(silent, () => putUnchecked(silent, 'ben', `${prefix}silent`));
  await eventually(() => refusedToBen(silent), 'the refusal').toBe(1);
  await silent.open();
  await silent.connected();
  expect(await shown(silent)).toEqual([]);
});

test('all sent, then a sign-in needed, without a page: a notification each', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  await answer(device, 'granted');
  await sendWithoutPage(device, () =>
    device.put({ id: `${prefix}sent`, site: 'A7', status: 'ok' }),
  );
  const tags = async (): Promise<Shown[] | undefined> =>
    (await shownToNobody(device))?.toSorted((a, b) => a.tag.localeCompare(b.tag));
  const sent = { tag: 'updraft:all-sent', body: '1 change arrived in Airflow.' };
  await eventually(tags, 'the notification that all is sent').toEqual([sent]);
  await store.hasLive(`${prefix}sent`, 1);
  await device.open();
  await device.connected();
  await sendWithoutPage(device, async () => {
    await device.put({ id: `${prefix}waits`, site: 'A7', status: 'ok' });
    await device.context.clearCookies();
  });
  const signIn = { tag: 'updraft:sign-in', body: expect.stringContaining('1 change') };
  await eventually(tags, 'the notification that a sign-in is needed').toEqual([sent, signIn]);
  expect(await store.records(`${prefix}waits`)).toEqual([]);
});

test('fault 8: database and token removed without a page: one notification, then sent', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana', { keep: true });
  await answer(device, 'granted');
  await takeDatabasesWithoutPage(device, `${prefix}kept`);
  const signIn = { tag: 'updraft:sign-in', body: expect.stringContaining('1 change') };
  await eventually(
    () => shownToNobody(device),
    'the notification that a sign-in is needed',
  ).toEqual([signIn]);
  expect(await store.records(prefix)).toEqual([]);

  await device.open();
  await device.signIn('ana', { keep: true });
  await device.settled();
  expect(await device.status()).toMatchObject({ storageLost: { unsent: 1, restored: 1 } });
  await store.hasLive(prefix, 1);
});
