import type { PendingInput } from '../client/index.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

/** Returns this device's waiting tasks, of runs whose ids have this ending. */
async function waiting(device: Device, end: string): Promise<readonly PendingInput[]> {
  await device.sync();
  const { inputs } = await device.page.evaluate(() => client().airflow.pendingInputs());
  return inputs.filter(({ runId }) => runId.endsWith(end));
}
const respond = (device: Device, input: PendingInput): Promise<unknown> =>
  device.page.evaluate(
    (shown) => client().airflow.respond(JSON.parse(shown) as PendingInput, { chosen: ['Approve'] }),
    JSON.stringify(input),
  );

const hitlPath = (dagId: string, runId: string, taskId: string): string =>
  `/dags/${dagId}/dagRuns/${encodeURIComponent(runId)}/taskInstances/${taskId}/-1/hitlDetails`;

test('case D3: approvals of odd run ids are answered; somebody else’s names the assignee', async ({
  device,
  airflow,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const end = `~${prefix}2026`;
  const runIds = [`retry~of${end}`, `${'r'.repeat(240 - end.length)}${end}`];
  for (const id of runIds)
    await airflow.call('POST', '/dags/publish_report/dagRuns', {
      dag_run_id: id,
      logical_date: null,
    });
  await airflow.call('POST', '/dags/sign_off_report/dagRuns', {
    dag_run_id: `theirs${end}`,
    logical_date: null,
  });
  await eventually(async () => (await waiting(device, end)).length, 'all that wait', 60_000).toBe(
    3,
  );
  expect(
    (await device.page.evaluate(() => client().airflow.pendingInputs())).notShown,
  ).toBeUndefined();

  const inputs = await waiting(device, end);
  const theirs = inputs.filter(({ dagId }) => dagId === 'sign_off_report');
  expect(theirs.map(({ assignedUsers }) => assignedUsers)).toEqual([[{ id: 'ben', name: 'ben' }]]);
  for (const input of inputs) await respond(device, input);
  await eventually(
    () => device.deadLetters(),
    'the answer that Airflow refuses',
    30_000,
  ).toMatchObject([
    {
      kind: 'call',
      operation: 'respondToHumanInput',
      attempts: 1,
      reason: {
        kind: 'refused',
        status: 403,
        message: expect.stringContaining('is not a respondent'),
      },
    },
  ]);
  for (const { dagId, runId, taskId } of inputs.filter(
    ({ dagId: id }) => id === 'publish_report',
  )) {
    const path = hitlPath(dagId, runId, taskId);
    await eventually(
      async () => (await airflow.call('GET', path)).body,
      'the answer in Airflow',
      30_000,
    ).toMatchObject({ chosen_options: ['Approve'] });
  }
  // Airflow has an answer before the device hears of it.
  await eventually(() => device.status(), 'no answer is under way').toMatchObject({
    pendingCalls: 0,
    deadLetters: 1,
  });

  // Ben answers his own task and the remains of earlier runs, because other tests count waiting
  // tasks.
  const { body } = await airflow.call(
    'GET',
    '/dags/sign_off_report/dagRuns/~/hitlDetails?response_received=false&limit=100',
  );
  for (const { task_instance: task } of (
    body as { hitl_details: { task_instance: { dag_run_id: string; task_id: string } }[] }
  ).hitl_details) {
    const path = hitlPath('sign_off_report', task.dag_run_id, task.task_id);
    expect(await airflow.call('PATCH', path, { chosen_options: ['Approve'] }, 'ben')).toMatchObject(
      { status: 200 },
    );
  }
});
