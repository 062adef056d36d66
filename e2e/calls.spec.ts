import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

test('a report requested offline survives a reload, is made once, and is followed', async ({
  device,
  airflow,
}) => {
  await device.openSignedIn('ana');
  const { page } = device;
  await device.setOffline(true);
  await page.getByTestId('trigger-daily_report').click();
  const calls = page.getByTestId('calls').locator('li');
  await expect(calls).toHaveCount(1);
  await expect(calls).toContainText('On this device');
  await device.reload();
  await expect(calls, 'it is on the disk').toContainText('On this device');
  expect((await device.status()).pendingCalls).toBe(1);
  await expect(page.getByTestId('unsent-count'), 'the device is not to be handed in').toHaveText(
    '1',
  );

  await device.setOffline(false);
  await expect(calls).toHaveAttribute('data-state', 'settled', { timeout: 60_000 });
  await expect(calls).toContainText('Done');
  await expect(page.getByTestId('all-sent')).toBeVisible();
  const [call] = await page.evaluate(() => client().airflow.calls());
  const runId =
    call?.state.kind === 'settled' && call.state.outcome.kind === 'run'
      ? call.state.outcome.runId
      : '';
  expect((await airflow.call('GET', `/dags/daily_report/dagRuns/${runId}`)).body).toMatchObject({
    state: 'success',
    triggering_user_name: 'ana',
  });
  expect(await device.status()).toMatchObject({ pendingCalls: 0, deadLetters: 0 });
});

test('an approval is answered offline; somebody else’s answer is not overwritten', async ({
  device,
  airflow,
}) => {
  await device.openSignedIn('ana');
  const { page } = device;
  for (let nth = 0; nth < 2; nth++) await page.getByTestId('trigger-publish_report').click();
  const approvals = page.locator('.approval');
  await eventually(
    async () => {
      await page.evaluate(() => client().sync());
      return approvals.count();
    },
    'both requests on the device',
    60_000,
  ).toBe(2);
  const { inputs } = await page.evaluate(() => client().airflow.pendingInputs());
  await device.setOffline(true);
  for (let left = 2; left > 0; left--) {
    await approvals.first().getByTestId('choose-Approve').click();
    await expect(approvals).toHaveCount(left - 1);
  }
  // Somebody in the office answers the first task earlier.
  const [quick, mine] = inputs;
  if (!quick || !mine) throw new Error('two requests were expected');
  const path = ({ dagId, runId, taskId }: typeof quick): string =>
    `/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/-1/hitlDetails`;
  await airflow.call('PATCH', path(quick), { chosen_options: ['Reject'] });

  await device.setOffline(false);
  await expect(page.getByText('Overtaken')).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText('answered meanwhile by admin: Reject')).toBeVisible();
  expect((await airflow.call('GET', path(quick))).body).toMatchObject({
    chosen_options: ['Reject'],
    responded_by_user: { name: 'admin' },
  });
  await eventually(
    async () => (await airflow.call('GET', path(mine))).body,
    'the own answer in Airflow',
    30_000,
  ).toMatchObject({
    chosen_options: ['Approve'],
    responded_by_user: { name: 'ana' },
  });
  expect(await device.deadLetters()).toMatchObject([
    {
      kind: 'call',
      operation: 'respondToHumanInput',
      reason: { kind: 'conflict', conflict: 'answered' },
    },
  ]);
});
