import type { Task } from '../demo/src/collections.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

test('Airflow’s outcome shows, and survives an edit; a task is ticked offline', async ({
  device,
  store,
  airflow,
  prefix,
}) => {
  const id = `${prefix}scored`;
  await device.openSignedIn('ana');
  const { page } = device;
  await device.put({ id, site: 'A7', status: 'fail', note: 'as it was' });
  await device.settled();
  await expect(page.getByTestId(`row-${id}`)).toContainText('In Airflow');
  await expect(
    page.getByTestId(`outcome-${id}`),
    'nothing is said of what was not scored',
  ).toHaveCount(0);
  await expect(page.getByTestId('via')).toHaveAttribute('data-via', 'plugin');

  // In the place of the scoring DAG, which is paused in the tests: the DAG's fields, written by
  // another DAG.
  const set = { score: 20, outcome: 'follow-up needed' };
  await airflow.call('POST', '/dags/demo_change_inspection/dagRuns', {
    logical_date: null,
    conf: { id, set },
  });
  await expect(page.getByTestId(`score-${id}`)).toHaveText('20');
  await expect(page.getByTestId(`outcome-${id}`)).toHaveText('follow-up needed');
  const task: Task = { id, site: 'A7', title: `Visit ${prefix}`, done: false };
  await page.evaluate(async (value) => void (await client().collection('tasks').put(value)), task);
  await device.settled();
  const row = page.getByTestId(`task-${id}`);
  await expect(row).toHaveAttribute('data-state', 'synced');

  await device.setOffline(true);
  await page.getByTestId(`task-done-${id}`).check();
  await expect(row).toHaveAttribute('data-done', 'true');
  await expect(row).toHaveAttribute('data-state', 'local');
  await page.getByTestId(`edit-${id}`).click();
  await page.getByTestId('edit-note').fill('and edited');
  await page.getByTestId('edit-save').click();
  await expect(page.getByTestId(`row-${id}`)).toContainText('without your change');
  await expect(page.getByTestId('via'), 'no news is promised without a network').toHaveCount(0);
  await device.reload();
  await expect(page.getByTestId(`task-done-${id}`), 'it is on the disk').toBeChecked();

  await device.setOffline(false);
  await device.syncUntilSettled();
  await expect(row).toHaveAttribute('data-state', 'synced');
  expect((await store.record(id))?.fields).toMatchObject({ ...set, note: 'and edited' });
  const stored = () =>
    store.query<{ done: boolean }>(
      "SELECT (fields->>'done')::boolean AS done FROM updraft_records WHERE " +
        "collection = 'tasks' AND id = %s",
      [id],
    );
  await eventually(stored, 'the task in the store').toEqual([{ done: true }]);
});
