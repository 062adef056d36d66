import { shared, type AirflowApi } from './support/airflow.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { allRows } from './support/indexed-db.ts';
import type { Store } from './support/store.ts';
import { expect, test } from './support/test.ts';
import type { Held } from './support/wire.ts';

const HEARTBEAT_MS = 20_000;

/**
 * Expected effect of a batch on the store: three new records, and another visit to a known record.
 */
interface Batch {
  readonly created: readonly string[];
  readonly counted: string;
}

/** Captures a record that later batches count up: double counting shows, against the ledger too. */
async function captureCounted(device: Device, prefix: string): Promise<string> {
  const id = `${prefix}counted`;
  await device.put({ id, site: 'A7', status: 'ok', visits: 1 });
  await device.settled();
  return id;
}

async function captureBatch(
  device: Device,
  counted: string,
  prefix: string,
  count = 3,
): Promise<Batch> {
  const created = Array.from({ length: count }, (_, n) => `${prefix}${String(n).padStart(3, '0')}`);
  const all = (): Promise<unknown> =>
    device.page.evaluate(
      (batch) => {
        const inspections = client().collection('inspections');
        return Promise.all([
          inspections.increment(batch.counted, { visits: 1 }),
          ...batch.created.map((id) =>
            inspections.put({ id, site: 'B2', status: 'ok', visits: 1 }),
          ),
        ]).then(() => undefined);
      },
      { created, counted },
    );
  await device.captureAsOneBatch(all);
  return { created, counted };
}

interface Before {
  readonly revision: number;
  readonly number: number;
}

async function before(store: Store, replicaId: string): Promise<Before> {
  return { revision: await store.writes(), number: (await store.ledger(replicaId))?.number ?? 0 };
}

/**
 * Expects that each record was written once: by the store's counter, the records' own revisions,
 * the ledger and the sum.
 */
async function expectAppliedOnce(
  world: { store: Store; airflow: AirflowApi; device: Device },
  { created, counted }: Batch,
  visits: number,
  then: Before,
): Promise<void> {
  const { store, device } = world;
  const { replicaId } = await device.status();
  const records = await Promise.all(created.map((id) => store.record(id)));
  expect(records.map((record) => record?.id)).toEqual(created);
  expect(
    records.every(
      (record) => record?.revision === record?.created && record?.fields['visits'] === 1,
    ),
  ).toBe(true);
  expect((await store.record(counted))?.fields).toMatchObject({ visits });
  expect((await store.writes()) - then.revision, 'revisions taken').toBe(created.length + 1);
  expect((await store.ledger(replicaId))?.number).toBe(then.number + 1);
  const rows = await device.page.evaluate(
    (ids) => Promise.all(ids.map((id) => client().collection('inspections').get(id))),
    [...created, counted],
  );
  expect(rows.map((row) => row?.state)).toEqual(rows.map(() => 'synced'));
  expect(rows.at(-1)?.value.visits).toBe(visits);
}

test('fault 1: a worker killed before sending loses nothing; a heartbeat wakes it', async ({
  device,
  site,
  store,
  airflow,
  prefix,
}) => {
  const { wire } = site;
  await device.context.clock.install();
  await device.openSignedIn('ana');
  const counted = await captureCounted(device, prefix);
  const { replicaId } = await device.status();
  const then = await before(store, replicaId);
  const committed = await store.writes();
  // By the DAG the worker first asks for the session's user; by the plugin the first request is the
  // batch, which Airflow never sees.
  const held = wire.holdRequest(wire.via === 'dag' ? 'identity' : 'exchange');
  const batch = await captureBatch(device, counted, prefix);
  await held.arrived;
  await device.killWorker();
  held.cut();
  expect(await store.writes(), 'nothing arrived').toBe(committed);
  // Without help: the page alone brings the worker back with its next heartbeat. The page's clock
  // is put forward; connectivity.spec.ts waits for a heartbeat in real time.
  await device.context.clock.fastForward(HEARTBEAT_MS);
  await device.settled();
  await expectAppliedOnce({ store, airflow, device }, batch, 2, then);
});

test('fault 2: a worker killed between commit and answer applies nothing twice', async ({
  device,
  site,
  store,
  airflow,
  via,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const counted = await captureCounted(device, prefix);
  const { replicaId } = await device.status();
  // The answer to the trigger is held until the DAG run has committed: the worker does not even
  // know that Airflow took the request.
  const first = await before(store, replicaId);
  const held = site.wire.holdAnswer(site.wire.sending);
  const batch = await captureBatch(device, counted, `${prefix}trigger-`);
  await held.arrived;
  await eventually(() => store.record(batch.created[0] ?? ''), 'the commit').toBeDefined();
  await device.killWorker();
  held.cut();
  await device.syncUntilSettled();
  await expectAppliedOnce({ store, airflow, device }, batch, 2, first);
  expect(
    (await airflow.batchRuns(replicaId)).filter(({ dag_run_id }) => dag_run_id.includes('__2__')),
    'the resend met its own run',
  ).toHaveLength(via === 'dag' ? 1 : 0);
  if (via === 'plugin') return;

  // Likewise with the result of the run.
  const second = await before(store, replicaId);
  const heldResult = site.wire.holdAnswer(site.wire.settling);
  const another = await captureBatch(device, counted, `${prefix}result-`);
  await heldResult.arrived;
  await device.killWorker();
  heldResult.cut();
  await device.syncUntilSettled();
  await expectAppliedOnce({ store, airflow, device }, another, 3, second);
});

test('faults 3 and 4: a worker killed around settling settles all of a batch or none', async ({
  device,
  site,
  store,
  airflow,
  prefix,
}) => {
  // Nothing but this test wakes a killed worker: no news of the commit, and no heartbeat, because
  // the page's clock is stopped (in the future, which no clock has reached yet).
  site.wire.fail(['live'], 'refuse');
  await device.context.clock.install();
  await device.openSignedIn('ana');
  await device.context.clock.pauseAt(Date.now() + 60_000);
  const counted = await captureCounted(device, prefix);
  const { replicaId } = await device.status();
  const seen: string[] = [];
  let visits = 1;
  /** Captures a batch, kills the worker around the batch's answer, and notes what is settled. */
  const round = async (act: (held: Held, kill: Kill) => Promise<number>): Promise<number> => {
    const then = await before(store, replicaId);
    const held = site.wire.holdAnswer(site.wire.settling);
    const batch = await captureBatch(device, counted, `${prefix}${seen.length}-`, 60);
    await held.arrived;
    const ms = await act(held, await device.aimAtWorker());
    seen.push(await settledOrNot(device, batch));
    await device.syncUntilSettled();
    await expectAppliedOnce({ store, airflow, device }, batch, ++visits, then);
    return ms;
  };
  // The kill is over before the answer is released, then begins after settling; how long either
  // takes bounds the moment of the kill, counted from the answer. Each further round halves the
  // distance to the moment of settling.
  let none_ms = -(await round(async (held, kill) => {
    const ms = await timeOf(kill);
    held.release();
    return ms;
  }));
  let all_ms = await round(async (held, kill) => {
    held.release();
    const ms = await timeOf(() => device.settled());
    await kill();
    return ms;
  });
  expect(seen, 'rounds on both sides of the moment').toEqual(['none', 'all']);
  for (let halving = 0; halving < 4; halving++) {
    const delay_ms = Math.round((none_ms + all_ms) / 2);
    await round(async (held, kill) => {
      await Promise.all([
        after(Math.max(0, delay_ms), kill),
        after(Math.max(0, -delay_ms), held.release),
      ]);
      return delay_ms;
    });
    if (seen.at(-1) === 'none') none_ms = delay_ms;
    else all_ms = delay_ms;
  }
  expect(
    seen.filter((how) => how !== 'all' && how !== 'none'),
    seen.join(),
  ).toEqual([]);
});

type Kill = () => Promise<void>;

/** Returns the milliseconds that the work takes. */
async function timeOf(work: () => Promise<void>): Promise<number> {
  const began = Date.now();
  await work();
  return Date.now() - began;
}

const after = <T>(delay_ms: number, act: () => T): Promise<T> =>
  new Promise((resolve) => setTimeout(() => resolve(act()), delay_ms));

/**
 * Returns how much of the batch is settled in the replica, read past the worker, which must not
 * wake up for the question.
 */
async function settledOrNot(device: Device, { created }: Batch): Promise<string> {
  const rows = (await allRows(device.page)).filter(({ database }) => database === 'updraft@/ ana');
  const deliveries = rows.filter(({ store }) => store === 'deliveries').length;
  const records = rows
    .filter(({ store }) => store === 'records')
    .map(({ json }) => JSON.parse(json) as { id: string; unsettled?: 1 });
  const unsettled = records.filter(
    (record) => created.includes(record.id) && record.unsettled === 1,
  ).length;
  if (deliveries === 1 && unsettled === created.length) return 'none';
  return deliveries === 0 && unsettled === 0
    ? 'all'
    : `${deliveries} deliveries, ${unsettled} of ${created.length} records unsettled`;
}

test('fault 28: a task killed while applying a batch runs again and applies it once', async ({
  device,
  store,
  sql,
  airflow,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const counted = await captureCounted(device, prefix);
  const { replicaId } = await device.status();
  const then = await before(store, replicaId);
  // The task stops at the record to count up, with the counter locked and the transaction open.
  await store.query('SELECT id FROM updraft_records WHERE id = %s FOR UPDATE', [counted], 'lock');
  const batch = await captureBatch(device, counted, prefix);
  const task = async (): Promise<{ pid: number; state: string; try_number: number } | undefined> =>
    (
      await sql.query<{ pid: number; state: string; try_number: number }>(
        shared().airflow.metadataUri,
        'SELECT pid, state, try_number FROM task_instance WHERE dag_id = ' +
          "'updraft_exchange' AND starts_with(run_id, %s) AND run_id LIKE %s",
        [`updraft__${replicaId}__`, '%\\_\\_2\\_\\_%'],
      )
    )[0];
  await eventually(() => store.blockedBy('lock'), 'the task waiting in its transaction').toBe(1);
  const running = await task();
  expect(running).toMatchObject({ state: 'running', try_number: 1 });
  process.kill(running?.pid ?? Number.NaN, 'SIGKILL');
  await store.query('ROLLBACK', [], 'lock');
  await device.syncUntilSettled();
  await expectAppliedOnce({ store, airflow, device }, batch, 2, then);
  expect(await task()).toMatchObject({ state: 'success', try_number: 2 });
});
