import type { TransportName } from '../shared/limits.ts';
import type { Inspection } from '../demo/src/collections.ts';
import { shared, type AirflowApi } from './support/airflow.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { allRows, plantRow } from './support/indexed-db.ts';
import { ClientNetwork, whyNoNamespaces } from './support/netns.ts';
import type { Store } from './support/store.ts';
import { SyncEvents } from './support/sync-events.ts';
import { expect, test } from './support/test.ts';

const two = (number: number): string => String(number).padStart(2, '0');

/**
 * 40 changes: 25 records put, 10 of these patched, 5 others deleted. Returns the 20 that must
 * arrive.
 */
async function capture40(device: Device, prefix: string): Promise<Inspection[]> {
  const records = Array.from({ length: 25 }, (_, n): Inspection => ({
    id: prefix + two(n),
    site: 'A7',
    status: 'ok',
    reading: n,
    note: `first ${n}`,
  }));
  const ids = records.map(({ id }) => id);
  await device.page.evaluate(
    async ({ puts, patched, deleted }) => {
      const inspections = client().collection('inspections');
      for (const record of puts) await inspections.put(record);
      for (const id of patched)
        await inspections.patch(id, { status: 'fail', note: `patched ${id}`, reading: undefined });
      for (const id of deleted) await inspections.delete(id);
    },
    { puts: records, patched: ids.slice(0, 10), deleted: ids.slice(20) },
  );
  return records
    .slice(0, 20)
    .map(({ reading, ...record }, n) =>
      n < 10
        ? { ...record, status: 'fail', note: `patched ${record.id}` }
        : { ...record, ...(reading === undefined ? {} : { reading }) },
    );
}

/**
 * Expects that a page loaded anew without a network has everything, that the browser will wake the
 * worker, and that no token lies about.
 */
async function expectKeptOffline(
  device: Device,
  expected: readonly Inspection[],
  prefix: string,
  token: string,
): Promise<void> {
  await device.reload();
  expect((await device.status()).online).toBe(false);
  const rows = await device.rows(prefix);
  expect(rows.map(({ value }) => value)).toEqual(expected);
  expect(new Set(rows.map(({ state }) => state)), JSON.stringify(await device.status())).toEqual(
    new Set(['local']),
  );

  const found = await allRows(device.page);
  const deliveries = found
    .filter(({ database }) => database === 'workbox-background-sync')
    .map(({ json }) => JSON.parse(json) as WorkboxRow);
  expect(deliveries).toHaveLength(1);
  expect(deliveries[0]).toMatchObject({
    metadata: { deliveryId: expect.stringMatching(/./), lane: expect.stringMatching(/./) },
    requestData: {
      method: 'POST',
      url: expect.stringMatching(/\/airflow\/updraft\/v1\/exchange$/),
    },
  });
  expect(deliveries[0]?.requestData.body ?? '').toBe('');
  expect(
    found
      .filter(({ json }) => json.includes(deliveries[0]?.metadata.deliveryId ?? '?'))
      .map(({ database }) => database),
  ).toContain('updraft@/ ana');

  expect(found.filter(({ json }) => json.includes(token))).toEqual([]);
  // A text of the token's form: when the test ends the profile is searched for the real token.
  const like = token.split('').reverse().join('');
  await plantRow(device.page, like);
  expect(
    (await allRows(device.page)).filter(({ json }) => json.includes(like)),
    'the search finds what is there',
  ).toHaveLength(1);
}

interface WorkboxRow {
  readonly metadata: { readonly deliveryId: string; readonly lane: string };
  readonly requestData: { readonly method: string; readonly url: string; readonly body?: string };
}

interface Sent {
  readonly store: Store;
  readonly airflow: AirflowApi;
  readonly via: TransportName;
  readonly prefix: string;
  readonly replicaId: string;
  readonly expected: readonly Inspection[];
}

async function expectArrivedOnce({
  store,
  airflow,
  via,
  prefix,
  replicaId,
  expected,
}: Sent): Promise<void> {
  await store.hasLive(prefix, 20);
  const records = await store.records(prefix);
  expect(records.map(({ id, fields }) => ({ id, ...fields }))).toEqual(expected);
  expect(
    records.every(
      ({ revision, created, updated_by }) => revision === created && updated_by === 'ana',
    ),
  ).toBe(true);
  expect(await store.ledger(replicaId)).toMatchObject({ user: 'ana', number: 1 });
  if (via === 'plugin') return expect(await airflow.batchRuns(replicaId)).toEqual([]);
  await eventually(
    async () => (await airflow.batchRuns(replicaId)).map(({ state }) => state),
    'one DAG run for the one batch',
  ).toEqual(['success']);
  const [run] = await airflow.batchRuns(replicaId);
  expect(run?.dag_run_id).toMatch(
    new RegExp(`^updraft__${replicaId}__[0-9a-f]+__1__[0-9a-f]{8}__a1$`),
  );
  expect(run?.triggering_user_name).toBe('ana');
}

async function expectSettledWhenReopened(
  device: Device,
  expected: readonly Inspection[],
  prefix: string,
): Promise<void> {
  await device.open();
  await device.connected();
  await device.settled();
  const rows = await device.rows(prefix);
  expect(rows.map(({ value }) => value)).toEqual(expected);
  expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['synced']));
  await expect(device.page.getByTestId('all-sent')).toBeVisible();
}

/** The token that the sign-in form got from Airflow. */
async function signInAndSeeToken(device: Device, keep: boolean): Promise<string> {
  const answered = device.context.waitForEvent('response', (response) =>
    response.url().endsWith('/airflow/auth/token'),
  );
  await device.openSignedIn('ana', { keep });
  return ((await (await answered).json()) as { access_token: string }).access_token;
}

test('offline captures arrive by the sync event (network emulated, kept token)', async ({
  device,
  store,
  airflow,
  via,
  prefix,
}) => {
  const token = await signInAndSeeToken(device, true);
  const { replicaId } = await device.status();
  await device.setOffline(true);
  const expected = await capture40(device, prefix);
  await expectKeptOffline(device, expected, prefix, token);
  expect(await store.records(prefix)).toEqual([]);

  const syncs = await SyncEvents.observe(device);
  await device.closeTab();
  await device.setOffline(false);
  await expectArrivedOnce({ store, airflow, via, prefix, replicaId, expected });
  expect(
    syncs.names.filter((name) => /dispatched/i.test(name)),
    syncs.names.join(),
  ).toHaveLength(1);
  await expectSettledWhenReopened(device, expected, prefix);
});

test('offline captures arrive by the sync event, worker stopped (real link cut, cookie)', async ({
  site,
  newDevice,
  store,
  airflow,
  via,
  prefix,
}) => {
  const reason = whyNoNamespaces();
  test.skip(reason !== undefined, reason);
  const network = await ClientNetwork.create({
    upstream: site.port,
    dir: shared().dir,
    chromium: shared().chromium,
  });
  try {
    const device = await newDevice({ url: network.url, executablePath: network.executablePath });
    const token = await signInAndSeeToken(device, false);
    const { replicaId } = await device.status();
    network.cut();
    await eventually(
      () => device.page.evaluate(() => navigator.onLine),
      'the browser’s word about the network',
    ).toBe(false);
    // A sync registered within four seconds of the cut may fire at once, fail, and be used up: the
    // browser notices the cut late.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const expected = await capture40(device, prefix);
    await expectKeptOffline(device, expected, prefix, token);

    const syncs = await SyncEvents.observe(device);
    await device.closeTab();
    await device.killWorker();
    network.mend();
    await expectArrivedOnce({ store, airflow, via, prefix, replicaId, expected });
    expect(
      syncs.names.filter((name) => /dispatched/i.test(name)),
      syncs.names.join(),
    ).toHaveLength(1);
    await expectSettledWhenReopened(device, expected, prefix);
  } finally {
    await network.dispose();
  }
});
