import type { AirflowApi } from './support/airflow.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

/** The schedule says every minute; a run may have just begun, and takes seconds. */
const SCHEDULE_MS_MAX = 150_000;

test('by the schedule alone, a row of a source table appears on a device, and a captured record in the target table; a row that is gone is gone there, too', async ({
  device,
  store,
  airflow,
  prefix,
}) => {
  test.setTimeout(SCHEDULE_MS_MAX + 60_000);
  await device.openSignedIn('ana');
  const [site, inspection] = [`${prefix}site`, `${prefix}inspection`];
  const inStore = (): Promise<unknown[]> => store.query(`SELECT deleted FROM updraft_records WHERE collection = 'sites' AND id = %s`, [site]);
  const onDevice = () => device.page.evaluate((id) => client().collection('sites').get(id), site);
  const begun = new Date().toISOString();
  try {
    await store.demo('INSERT INTO sites (id, name, region, floor_area_m2) VALUES (%s, %s, %s, %s)', [site, 'Inserted by SQL', 'North', 12.5]);
    await device.put({ id: inspection, site: 'A7', status: 'watch', reading: 4.5, note: 'Ünïcode ✓', inspected_on: '2026-03-01' });
    await device.settled();

    const inTarget = (): Promise<unknown[]> =>
      store.demo('SELECT site, status, reading, visits, note, inspected_on::text FROM inspections WHERE id = %s', [inspection]);
    await eventually(inTarget, 'the captured record in the target table', SCHEDULE_MS_MAX).toEqual([
      { site: 'A7', status: 'watch', reading: 4.5, visits: null, note: 'Ünïcode ✓', inspected_on: '2026-03-01' },
    ]);
    await eventually(inStore, 'the row in the store', SCHEDULE_MS_MAX).toEqual([{ deleted: false }]);
    await device.sync();
    expect(await onDevice()).toMatchObject({ state: 'synced', value: { id: site, name: 'Inserted by SQL', region: 'North', floor_area_m2: 12.5 } });
    expect(await runTypes(airflow, begun), 'nobody triggered it').toEqual(['scheduled']);
  } finally {
    await store.demo('DELETE FROM sites WHERE id = %s', [site]);
  }
  // Not by the schedule, which would be another minute. It must not happen later, either, in the midst of a test that counts what is written.
  await airflow.call('POST', '/dags/updraft_sync/dagRuns', { logical_date: null });
  await eventually(inStore, 'the deletion in the store', SCHEDULE_MS_MAX).toEqual([{ deleted: true }]);
  await device.sync();
  expect(await onDevice(), 'the deleted row on the device').toBeNull();
});

/** `since`: an ISO moment; a run that came before is another test's. */
async function runTypes(airflow: AirflowApi, since: string): Promise<string[]> {
  const query = new URLSearchParams({ start_date_gte: since, limit: '10' });
  const { body } = await airflow.call('GET', `/dags/updraft_sync/dagRuns?${query}`);
  return [...new Set((body as { dag_runs: { run_type: string }[] }).dag_runs.map(({ run_type }) => run_type))];
}
