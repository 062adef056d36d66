import type { AirflowApi } from './support/airflow.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

const RUN_MS_MAX = 450_000;
const CANARY = 'canary7f3a';

test('case B1: a synchronization refused by the target table quotes no record to a viewer', async ({
  device,
  store,
  airflow,
  prefix,
}) => {
  test.setTimeout(2 * RUN_MS_MAX + 180_000);
  const id = `${prefix}narrow`;
  // PostgreSQL quotes the whole row that fails a check, and SQLAlchemy quotes all parameters.
  await store.demo(
    'ALTER TABLE inspections ADD CONSTRAINT narrow CHECK (note IS NULL OR ' +
      `position('${CANARY}' IN note) = 0) NOT VALID`,
  );
  try {
    await device.openSignedIn('ana');
    await device.put({ id, site: 'A7', status: 'ok', note: `${CANARY} is what ana wrote` });
    await device.settled();
    const run = await runOnce(airflow);
    expect(run.state, 'the other rows went on').toBe('success');
    const shown = await shownTo('vera', airflow, run.dag_run_id);
    expect(shown, 'why the row is not in the table').toMatch(/SQLSTATE 23514.*inspections.*narrow/);
    expect(shown).not.toContain(CANARY);
    expect(shown, 'case B11: who has a device is for operators').not.toMatch(/replicaId|lastSeen/);
  } finally {
    await store.demo('ALTER TABLE inspections DROP CONSTRAINT narrow');
  }
  expect((await runOnce(airflow)).state, 'the row that was refused is not lost').toBe('success');
  const kept = store.demo('SELECT note FROM inspections WHERE id = %s', [id]);
  await expect(kept).resolves.toEqual([{ note: `${CANARY} is what ana wrote` }]);
});

interface Run {
  readonly dag_run_id: string;
  readonly state: string;
}

/** Triggers a run and waits for the end: a scheduled run may have begun before. */
async function runOnce(airflow: AirflowApi): Promise<Run> {
  const { body } = await airflow.call('POST', '/dags/updraft_sync/dagRuns', { logical_date: null });
  const { dag_run_id } = body as Run;
  const run = async (): Promise<Run> =>
    (await airflow.call('GET', `/dags/updraft_sync/dagRuns/${dag_run_id}`)).body as Run;
  await eventually(
    async () => ['success', 'failed'].includes((await run()).state),
    'the run has ended',
    RUN_MS_MAX,
  ).toBe(true);
  return run();
}

/**
 * Returns everything that this user may read of the run: results, logs, rendered fields, and the
 * Variables.
 */
async function shownTo(user: string, airflow: AirflowApi, runId: string): Promise<string> {
  const of = `/dags/updraft_sync/dagRuns/${runId}`;
  const tasks = ['sync', 'verify', 'prune'];
  const paths = [
    of,
    '/variables',
    ...tasks.flatMap((task) => [
      `${of}/taskInstances/${task}`,
      `${of}/taskInstances/${task}/xcomEntries/return_value`,
      `${of}/taskInstances/${task}/logs/1`,
    ]),
  ];
  const answers = await Promise.all(
    paths.map((path) => airflow.call('GET', path, undefined, user)),
  );
  expect(
    answers.filter(({ status }) => status === 200).length,
    'what a viewer may read',
  ).toBeGreaterThan(paths.length - 2);
  return JSON.stringify(answers.map(({ body }) => body));
}
