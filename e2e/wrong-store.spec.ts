import { WAITING_WORDS } from '../demo/src/words.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';
import { unsent } from './support/unsent.ts';

test('fault 79: another Airflow’s store is refused; the device keeps all, and captures on', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  await device.put({ id: `${prefix}before`, site: 'A7', status: 'ok' });
  await device.syncUntilSettled();
  const [own] = await store.query<{ bond: string }>('SELECT bond FROM updraft_meta');
  const then = await device.rows(prefix);
  try {
    // The database is exchanged under the open connection, as by a failover to a wrong one.
    await store.query("UPDATE updraft_meta SET bond = 'another airflow'");
    await device.put({ id: `${prefix}held`, site: 'B2', status: 'watch' });
    await eventually(async () => (await device.status()).waiting?.for, 'what it waits for').toBe(
      'store',
    );
    expect((await device.status()).waiting?.message).toContain('belongs to another Airflow');
    await expect(device.page.getByText(WAITING_WORDS.store.text)).toBeVisible();
    await device.put({ id: `${prefix}later`, site: 'A7', status: 'fail' });
    await device.reload();
    const now = await device.rows(prefix);
    expect(now.find(({ id }) => id === `${prefix}before`)).toEqual(then[0]);
    expect(now.filter(({ id }) => id !== `${prefix}before`)).toMatchObject([
      { id: `${prefix}held`, state: unsent },
      { id: `${prefix}later`, state: unsent },
    ]);
    await store.hasLive(prefix, 1);
  } finally {
    await store.query('UPDATE updraft_meta SET bond = %s', [own?.bond ?? '']);
  }
  await device.syncUntilSettled();
  await store.hasLive(prefix, 3);
});
