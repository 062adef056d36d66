import { eventually } from './support/eventually.ts';
import { exportsPaused } from './support/exports.ts';
import { expect, test } from './support/test.ts';

test.describe('a target that follows new data', () => {
  test.beforeAll(({ airflow }) => exportsPaused(airflow, false));
  test.afterAll(({ airflow }) => exportsPaused(airflow, true));

  test('fault 78: captures reach the table without the schedule, each once, an edit too', async ({
    device,
    store,
    airflow,
    prefix,
  }) => {
    const rows = (): Promise<unknown[]> =>
      store.demo('SELECT id, status FROM inspections WHERE starts_with(id, %s) ORDER BY id', [
        prefix,
      ]);
    await airflow.call('PATCH', '/dags/updraft_sync', { is_paused: true });
    try {
      await device.openSignedIn('ana');
      for (const name of ['a', 'b', 'c'])
        await device.put({ id: `${prefix}${name}`, site: 'A7', status: 'ok' });
      await eventually(rows, 'three rows in the target table', 60_000).toEqual(
        ['a', 'b', 'c'].map((name) => ({ id: `${prefix}${name}`, status: 'ok' })),
      );
      await device.patch(`${prefix}b`, { status: 'fail' });
      await eventually(rows, 'the edit in the target table').toContainEqual({
        id: `${prefix}b`,
        status: 'fail',
      });
      expect(await rows()).toHaveLength(3);
    } finally {
      await airflow.call('PATCH', '/dags/updraft_sync', { is_paused: false });
    }
  });
});
