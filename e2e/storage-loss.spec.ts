import { rm } from 'node:fs/promises';
import type { StorageLoss } from '../client/index.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { databaseOf, isMirroredOn } from './support/profile-storage.ts';
import { expect, test } from './support/test.ts';

/** Captures without a network, waits for the mirror, and ends the browser. */
async function captureOffline(device: Device, ids: readonly string[]): Promise<void> {
  await device.setOffline(true);
  for (const id of ids) {
    await device.put({ id, site: 'A7', status: 'ok', visits: 1 });
    // Never the last change: a mirror that holds every record holds this change too.
    if (id === ids[0]) await device.increment(id, 1);
  }
  await eventually(() => isMirroredOn(device, 'ana', ids), 'the mirror has caught up').toBe(true);
  await device.close();
}

async function expectRestored(
  device: Device,
  ids: readonly string[],
  visits: (id: string) => Promise<unknown>,
): Promise<void> {
  await device.open();
  // The kept token was in the database; the page may remember the user. In both cases the page asks
  // for a sign-in.
  await device.signIn('ana', { keep: true });
  await eventually(async () => (await device.status()).storageLost, 'the loss').toMatchObject({
    unsent: ids.length,
    restored: ids.length,
  } satisfies Partial<StorageLoss>);
  await device.syncUntilSettled();
  expect(await Promise.all(ids.map(visits))).toEqual(ids.map((_, n) => (n === 0 ? 2 : 1)));
}

test('fault 9: database files deleted between launches: restored, and sent once', async ({
  device,
  newDevice,
  store,
  airflow,
  prefix,
}) => {
  await device.openSignedIn('ana', { keep: true });
  await device.setOffline(true);
  const call = await device.page.evaluate(() =>
    client().airflow.triggerDagRun('daily_report', { note: 'asked for before the loss' }),
  );
  const ids = ['a', 'b', 'c'].map((name) => prefix + name);
  await captureOffline(device, ids);
  await rm(await databaseOf(device), { recursive: true });
  const again = await newDevice({ profile: device.profile });
  await expectRestored(again, ids, async (id) => (await store.record(id))?.fields['visits']);
  const restored = async (): Promise<unknown> =>
    (await again.page.evaluate(() => client().airflow.calls())).map(({ id, state }) => [
      id,
      state.kind,
    ]);
  await eventually(restored, 'the call that was queued').toEqual([
    [call.id, expect.stringMatching(/^(following|settled)$/)],
  ]);
  const { dag_runs: runs } = (
    await airflow.call('GET', '/dags/daily_report/dagRuns?limit=100&order_by=-id')
  ).body as { dag_runs: { dag_run_id: string }[] };
  expect(runs.filter(({ dag_run_id: run }) => run.endsWith(`__call__${call.id}`))).toHaveLength(1);
  expect((await again.status()).storageLost).toMatchObject({ calls: 0 });
});
