import type { AirflowApi } from './support/airflow.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

/**
 * Longest wait for a scheduled run: the schedule says every minute; a run may have just begun, and
 * takes seconds.
 */
const SCHEDULE_MS_MAX = 450_000;

test('the schedule alone carries source rows to a device, and records to the target table', async ({
  device,
  store,
  airflow,
  prefix,
}) => {
  test.setTimeout(SCHEDULE_MS_MAX + 180_000);
  await device.openSignedIn('ana');
  const [site, inspection] = [`${prefix}site`, `${prefix}inspection`];
  const inStore = (): Promise<unknown[]> =>
    store.query(`SELECT deleted FROM updraft_records WHERE collection = 'sites' AND id = %s`, [
      site,
    ]);
  const onDevice = () => device.page.evaluate((id) => client().collection('sites').get(id), site);
  const begun = new Date().toISOString();
  try {
    await store.demo(
      'INSERT INTO sites (id, name, region, floor_area_m2) VALUES (%s, %s, %s, %s)',
      [site, 'Inserted by SQL', 'North', 12.5],
    );
    await device.put({
      id: inspection,
      site: 'A7',
      status: 'watch',
      reading: 4.5,
      note: 'Ünïcode ✓',
      inspected_on: '2026-03-01',
    });
    await device.settled();

    const inTarget = (): Promise<unknown[]> =>
      store.demo(
        'SELECT site, status, reading, visits, note, inspected_on::text FROM ' +
          'inspections WHERE id = %s',
        [inspection],
      );
    await eventually(inTarget, 'the captured record in the target table', SCHEDULE_MS_MAX).toEqual([
      {
        site: 'A7',
        status: 'watch',
        reading: 4.5,
        visits: null,
        note: 'Ünïcode ✓',
        inspected_on: '2026-03-01',
      },
    ]);
    await eventually(inStore, 'the row in the store', SCHEDULE_MS_MAX).toEqual([
      { deleted: false },
    ]);
    await device.sync();
    expect(await onDevice()).toMatchObject({
      state: 'synced',
      value: { id: site, name: 'Inserted by SQL', region: 'North', floor_area_m2: 12.5 },
    });
    expect(await typesOfRunsAtWork(airflow, begun), 'nobody triggered it').toEqual(['scheduled']);
  } finally {
    await store.demo('DELETE FROM sites WHERE id = %s', [site]);
  }
  // Triggered at once, since the schedule would take another minute; a later run would fall into a
  // test that counts writes.
  await airflow.call('POST', '/dags/updraft_sync/dagRuns', { logical_date: null });
  await eventually(inStore, 'the deletion in the store', SCHEDULE_MS_MAX).toEqual([
    { deleted: true },
  ]);
  await device.sync();
  expect(await onDevice(), 'the deleted row on the device').toBeNull();
});

/**
 * Returns the types of the runs that were at work at any time after `since`, an ISO moment. The
 * query goes by the runs' ends, because a run begun before `since` may have done the work. Runs
 * that have not ended are queried first: a run that ends between the two queries is in both, and in
 * the other order in none.
 */
async function typesOfRunsAtWork(airflow: AirflowApi, since: string): Promise<string[]> {
  const running = await runTypes(airflow, { state: 'running' });
  const ended = await runTypes(airflow, { end_date_gte: since });
  return [...new Set([...running, ...ended])];
}

async function runTypes(airflow: AirflowApi, at: Record<string, string>): Promise<string[]> {
  const { body } = await airflow.call(
    'GET',
    `/dags/updraft_sync/dagRuns?${new URLSearchParams({ ...at, limit: '10' })}`,
  );
  return (body as { dag_runs: { run_type: string }[] }).dag_runs.map(({ run_type }) => run_type);
}
