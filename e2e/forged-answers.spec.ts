import { eventually } from './support/eventually.ts';
import type { AirflowApi, DagRun } from './support/airflow.ts';
import { expect, test } from './support/test.ts';

const DAG = '/dags/updraft_exchange';
const xcomsOf = (run: string): string =>
  `${DAG}/dagRuns/${encodeURIComponent(run)}/taskInstances/exchange/xcomEntries`;

/**
 * Forges a task's answer from the fields that role User may read of another user's run: the conf.
 */
function forge({ conf }: DagRun): string {
  const request = JSON.parse(conf.updraft ?? '') as Record<string, unknown> & {
    batch: string;
    hash: string;
  };
  const batch = JSON.parse(request.batch) as {
    nonce: string;
    mutations: { collection: string; id: string }[];
  };
  const { epoch, since, floor, last, replicaId, hash } = request;
  const verdicts = batch.mutations.map(({ collection, id }) => ({
    collection,
    id,
    verdict: 'applied',
    revision: 1,
  }));
  const echo = { epoch, since, floor, last, nonce: batch.nonce, hash };
  return JSON.stringify({
    protocol: 1,
    replicaId,
    echo,
    epoch,
    verdicts,
    reset: false,
    start: floor,
    changes: [],
    upTo: since,
    more: false,
  });
}

const asBen = async (
  airflow: AirflowApi,
  method: 'POST' | 'PATCH',
  path: string,
  body: object,
): Promise<void> => {
  const { status, body: said } = await airflow.call(method, path, body, 'ben');
  expect(status, `role User may do this: ${JSON.stringify(said)}`).toBeLessThan(300);
};

test('case B3: another user’s XComs acknowledge nothing; the genuine answer settles once', async ({
  device,
  airflow,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const { replicaId } = await device.status();
  await airflow.call('PATCH', DAG, { is_paused: true });
  try {
    await device.put({ id: `${prefix}a`, site: 'A7', status: 'ok' });
    await eventually(
      async () => (await airflow.batchRuns(replicaId)).length,
      'the run, queued',
    ).toBe(1);
    const [run] = await airflow.batchRuns(replicaId);
    if (!run) throw new Error('no run');
    await asBen(airflow, 'POST', xcomsOf(run.dag_run_id), {
      key: 'return_value',
      value: forge(run),
      map_index: -1,
    });
    await asBen(airflow, 'PATCH', `${DAG}/dagRuns/${encodeURIComponent(run.dag_run_id)}`, {
      state: 'success',
    });
    await device.sync();
    await eventually(
      async () => (await airflow.batchRuns(replicaId)).length,
      'a new attempt: this run is spoilt',
    ).toBe(2);
    expect((await device.status()).unsent).toBe(1);
    expect(await device.get(`${prefix}a`)).toMatchObject({ revision: 0 });
    expect(await store.records(prefix)).toEqual([]);
    const [, again] = await airflow.batchRuns(replicaId);
    if (!again) throw new Error('no second run');
    await asBen(airflow, 'PATCH', `${DAG}/dagRuns/${encodeURIComponent(again.dag_run_id)}`, {
      state: 'failed',
    });
  } finally {
    await airflow.call('PATCH', DAG, { is_paused: false });
  }
  await device.syncUntilSettled();
  const record = await store.record(`${prefix}a`);
  expect(record?.revision).toBe(record?.created);
  expect(await device.get(`${prefix}a`)).toMatchObject({
    state: 'synced',
    revision: record?.revision,
  });
  expect(await store.ledger(replicaId)).toMatchObject({ number: 1 });
});

test('case B3: an answer edited by another user settles nothing of the edit', async ({
  device,
  airflow,
  site,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const { replicaId } = await device.status();
  // The run is over, and Airflow has not yet been asked for its answer, however slow this machine.
  const held = site.wire.holdRequest('result');
  await device.put({ id: `${prefix}b`, site: 'A7', status: 'ok' });
  await held.arrived;
  await store.hasLive(prefix, 1);
  const [run] = await airflow.batchRuns(replicaId);
  if (!run) throw new Error('no run');
  const read = await airflow.call(
    'GET',
    `${xcomsOf(run.dag_run_id)}/return_value`,
    undefined,
    'ben',
  );
  const genuine = (read.body as { value: string }).value;
  const edited = genuine.replace(/"revision": ?\d+/, '"revision": 999999');
  expect(edited).not.toBe(genuine);
  await asBen(airflow, 'PATCH', `${xcomsOf(run.dag_run_id)}/return_value`, {
    value: edited,
    map_index: -1,
  });
  held.release();
  await device.syncUntilSettled();
  const record = await store.record(`${prefix}b`);
  expect(await device.get(`${prefix}b`)).toMatchObject({
    state: 'synced',
    revision: record?.revision,
  });
  expect(await store.ledger(replicaId)).toMatchObject({ number: 1 });
  expect((await airflow.batchRuns(replicaId)).length, 'asked for again').toBe(2);
});
