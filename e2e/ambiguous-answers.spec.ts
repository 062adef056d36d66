import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { randomOf, seedOf } from './support/random.ts';
import type { WaitingFor } from '../client/index.ts';
import type { Store } from './support/store.ts';
import { expect, test, type Site } from './support/test.ts';
import { unsent } from './support/unsent.ts';
import type { Fault } from './support/wire.ts';

// `npm run soak` draws more.
const COUNT = Number(process.env['UPDRAFT_WIRE_FAULTS'] ?? 10);
const FAULTS: readonly Fault[] = [
  'refuse',
  'reset-after-commit',
  'truncate',
  'half-json',
  'portal-200',
  'portal-303',
  'newer-provider',
  'gateway-502',
];
const seed = seedOf();
const again =
  `Again: UPDRAFT_SEED=${seed} UPDRAFT_WIRE_FAULTS=${COUNT} npm run ` +
  'test:e2e -- ambiguous-answers';

interface World {
  readonly device: Device;
  readonly site: Site;
  readonly store: Store;
}

/**
 * Two attempts meet the fault and acknowledge nothing; then the wire works again, and the record
 * arrives exactly once.
 */
async function survive(
  { device, site, store }: World,
  fault: Fault,
  id: string,
  commits: boolean,
  waitsFor: WaitingFor = 'airflow',
): Promise<void> {
  const { replicaId } = await device.status();
  const number = (await store.ledger(replicaId))?.number ?? 0;
  const met = (): number => site.wire.seen.filter((seen) => seen.fault === fault).length;
  const before = met();
  site.wire.fail(commits ? site.wire.committing : 'all', fault);
  await device.put({ id, site: 'A7', status: 'ok', visits: 1 });
  await eventually(met, `requests that met ${fault}`).toBeGreaterThan(before);
  const first = met();
  await device.sync(); // does not wait for the backoff
  expect(met(), 'sent again').toBeGreaterThan(first);
  const row = await device.get(id);
  expect(row).toMatchObject({ revision: 0, state: unsent });
  const status = await device.status();
  expect(status.unsent).toBe(1);
  expect(status.waiting?.for).toBe(waitsFor);
  expect(status.auth).toBe('ok');
  if (commits) await store.hasLive(id, 1);
  else expect(await store.records(id)).toEqual([]);

  site.wire.heal();
  await device.syncUntilSettled();
  const record = await store.record(id);
  expect(record).toMatchObject({ fields: { visits: 1 }, revision: record?.created });
  expect(await store.ledger(replicaId)).toMatchObject({ number: number + 1 });
  expect(await device.get(id)).toMatchObject({ state: 'synced', revision: record?.revision });
}

/**
 * Draws many faults, one after the other, each at any request and for any number of times, while
 * captures count a sum up: each step of the sum arrives once.
 */
async function surviveAnything(
  { device, site, store }: World,
  count: number,
  id: string,
): Promise<void> {
  const random = randomOf(seed);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  await device.put({ id, site: 'A7', status: 'ok', visits: 0 });
  for (let step = 0; step < count; step++) {
    site.wire.fail(pick([site.wire.committing, 'all']), pick(FAULTS), 1 + Math.floor(random() * 3));
    await device.increment(id, 1);
    if (random() < 0.7) await device.sync();
    if (random() < 0.5) site.wire.heal();
  }
  site.wire.heal();
  await device.syncUntilSettled();
  expect(await store.record(id), again).toMatchObject({ fields: { visits: count } });
  expect(await device.get(id)).toMatchObject({ state: 'synced', value: { visits: count } });
}

test(`faults 21 and 22: portal and gateway pages acknowledge nothing (seed ${seed})`, async ({
  device,
  site,
  store,
  via,
  prefix,
}) => {
  test.setTimeout(360_000 + COUNT * 6_000);
  await device.openSignedIn('ana');
  for (const [fault, waitsFor] of [
    ['portal-200', 'not-airflow'],
    ['portal-303', 'sign-in-page'],
    ['gateway-502', 'airflow'],
  ] as const) {
    await test.step(fault, () =>
      survive({ device, site, store }, fault, prefix + fault, false, waitsFor),
    );
  }
  await test.step('at random', () =>
    surviveAnything(
      { device, site, store },
      via === 'plugin' ? COUNT : Math.ceil(COUNT / 4),
      `${prefix}any`,
    ));
});

test('faults 18 and 22: an answer lost after the commit is requested again, applied once', async ({
  device,
  site,
  store,
  airflow,
  via,
  prefix,
}) => {
  await device.openSignedIn('ana');
  for (const fault of ['reset-after-commit', 'truncate', 'half-json'] as const) {
    await test.step(fault, () => survive({ device, site, store }, fault, prefix + fault, true));
  }
  const { replicaId } = await device.status();
  const runs = await airflow.batchRuns(replicaId);
  expect(
    runs.map(({ state }) => state),
    'one DAG run for each batch: the resend met its own',
  ).toEqual(via === 'dag' ? ['success', 'success', 'success'] : []);
});
