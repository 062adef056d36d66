import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

const ROUNDS = 10;
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

test.describe('a DAG that new data starts', () => {
  const pause = (
    airflow: { call: (method: 'PATCH', path: string, body: object) => Promise<unknown> },
    is_paused: boolean,
  ): Promise<unknown> => airflow.call('PATCH', '/dags/inspection_scoring', { is_paused });
  test.beforeAll(({ airflow }) => pause(airflow, false));
  test.afterAll(({ airflow }) => pause(airflow, true));

  test('a DAG scores a captured inspection; score and task return: half of ten within 6 s', async ({
    device,
    store,
    prefix,
  }) => {
    test.setTimeout(720_000);
    await device.openSignedIn('ana');
    const scoreOf = async (id: string): Promise<number | undefined> =>
      (await device.get(id))?.value.score;
    const waited: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const id = `${prefix}${round}`;
      const before = Date.now();
      await device.put({ id, site: 'A7', status: 'fail' });
      await eventually(() => scoreOf(id), 'the score on the device', 30_000).toBe(20);
      waited.push(Date.now() - before);
    }
    expect(median(waited), `ms: ${waited.join()}`).toBeLessThan(6_000);
    const task = (): Promise<unknown> =>
      device.page.evaluate((id) => client().collection('tasks').get(id), `${prefix}0`);
    await eventually(task, 'the follow-up on the device').toMatchObject({
      state: 'synced',
      value: { site: 'A7', done: false },
    });
    expect(await store.record(`${prefix}0`)).toMatchObject({
      fields: { status: 'fail', score: 20, outcome: 'follow-up needed' },
    });
    expect(
      (await device.status()).conflicts,
      'fields that no device writes conflict with nothing',
    ).toBe(0);
  });

  test('what the DAG finds wrong is said on the device: site unknown', async ({
    device,
    prefix,
  }) => {
    await device.openSignedIn('ana');
    const id = `${prefix}nowhere`;
    await device.put({ id, site: 'nowhere', status: 'ok' });
    await eventually(
      async () => (await device.get(id))?.value.outcome,
      'the outcome on the device',
      30_000,
    ).toBe('rejected by validation: site unknown');
  });
});

test('fault 37: a DAG and a person change a field: a conflict on the device, decided once', async ({
  device,
  airflow,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const id = `${prefix}office`;
  await device.put({ id, site: 'A7', status: 'ok', note: 'as it was' });
  await device.settled();
  await device.setOffline(true);
  await device.patch(id, { note: 'seen in the field' });
  const conf = { id, set: { note: 'changed in the office' } };
  await airflow.call('POST', '/dags/demo_change_inspection/dagRuns', { logical_date: null, conf });
  await eventually(
    async () => (await store.record(id))?.fields['note'],
    'the change by the DAG',
  ).toBe('changed in the office');
  await device.setOffline(false);
  await device.toldOf('conflict', 1);
  const [conflict] = await device.conflicts();
  expect(conflict).toMatchObject({
    recordId: id,
    fields: [
      {
        field: 'note',
        base: 'as it was',
        mine: 'seen in the field',
        theirs: 'changed in the office',
      },
    ],
  });
  if (conflict) await device.resolve(conflict, { note: { take: 'mine' } });
  await device.settled();
  expect((await store.record(id))?.fields).toMatchObject({ note: 'seen in the field' });
});
