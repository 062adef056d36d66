import { startAirflow, stopAirflow } from '../scripts/lib/airflow-server.mjs';
import { testState } from './support/airflow.ts';
import { endStream, Ledger, noteInto, streamCaptures } from './support/capture-stream.ts';
import { eventually } from './support/eventually.ts';
import { batchesOf, expectNothingLostOrDoubled } from './support/nothing-lost.ts';
import { randomOf, seedOf } from './support/random.ts';
import { expect, test } from './support/test.ts';

const quiet = { say: () => undefined };
// `npm run soak` restarts Airflow more often.
const RESTARTS = Number(process.env['UPDRAFT_RESTARTS'] ?? 1);
const seed = seedOf();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('fault 32: Airflow stops while applying a batch: told, and each record arrives once', async ({
  device,
  site,
  store,
  via,
  prefix,
}) => {
  test.setTimeout(720_000);
  test.skip(
    process.env['UPDRAFT_E2E_STATE'] !== undefined,
    'The server is not the tests’ own to stop.',
  );
  await device.openSignedIn('ana');
  const { replicaId } = await device.status();
  const then = await store.writes();
  const ids = Array.from({ length: 5 }, (_, n) => `${prefix}${n}`);
  try {
    // The exchange is held inside the transaction, so that Airflow goes down midway: by a record of
    // the batch, because a scheduled synchronization would wait for the counter, too.
    const sent = site.wire.count(site.wire.sending);
    await store.query(
      'INSERT INTO updraft_records (collection, id, revision, created, fields, field_revisions, ' +
        "deleted, updated_by, updated_at) VALUES ('inspections', %s, 0, 0, '{}', '{}', false, " +
        "'nobody', now())",
      [`${prefix}0`],
      'down',
    );
    await device.captureAsOneBatch(() =>
      Promise.all(ids.map((id) => device.put({ id, site: 'A7', status: 'ok' }))),
    );
    await eventually(() => site.wire.count(site.wire.sending), 'the batch sent').toBeGreaterThan(
      sent,
    );
    if (via === 'dag')
      await eventually(async () => (await device.status()).run, 'the DAG run').toContain(
        `updraft__${replicaId}__`,
      );
    await eventually(() => store.blockedBy('down'), 'the exchange in its transaction').toBe(1);
    await device.put({ id: `${prefix}later`, site: 'B2', status: 'watch' });

    await stopAirflow({ state: testState, keepPostgres: true });
    await store.query('ROLLBACK', [], 'down');
    await eventually(
      async () => (await device.status()).waiting?.for,
      'what the status waits for',
    ).toBe('airflow');
    const { waiting } = await device.status();
    expect(waiting?.until, 'until when').toBeGreaterThan(Date.now() - 10_000);
    expect(waiting?.failures).toBeGreaterThan(0);
    await expect(device.page.getByTestId('waiting')).toHaveAttribute('data-for', 'airflow');
    expect(await store.records(prefix)).toEqual([]);
    expect((await device.rows(prefix)).filter(({ state }) => state === 'synced')).toEqual([]);
    expect(await device.told('settled')).toEqual([]);
  } finally {
    await startAirflow({ state: testState, ...quiet });
  }
  await device.syncUntilSettled(180_000);
  const records = await store.hasLive(prefix, 6);
  expect(records.every(({ revision, created }) => revision === created)).toBe(true);
  expect((await store.writes()) - then, 'revisions taken').toBe(6);
  expect(await store.ledger(replicaId)).toMatchObject({ number: 2 });
  expect(new Set((await device.rows(prefix)).map(({ state }) => state))).toEqual(
    new Set(['synced']),
  );
});

test(`fault 32: ${RESTARTS} random ends of Airflow: none lost or doubled (seed ${seed})`, async ({
  device,
  site,
  store,
  via,
  prefix,
}) => {
  test.setTimeout(360_000 + RESTARTS * 360_000);
  test.skip(
    process.env['UPDRAFT_E2E_STATE'] !== undefined,
    'The server is not the tests’ own to stop.',
  );
  const random = randomOf(seed);
  const batches = batchesOf(site.wire);
  const ledger = new Ledger();
  await device.openSignedIn('ana', { keep: true });
  const before = await store.writes();
  await noteInto(device, ledger);
  // Slow enough to leave the machine to Airflow, which starts meanwhile.
  await streamCaptures(device.page, prefix, 3, 100);
  for (let restart = 0; restart < RESTARTS; restart++) {
    const sent = batches.size;
    // Brings the end of the backoff forward.
    await device.page.evaluate(() => void client().sync());
    await eventually(() => batches.size, 'a batch on its way before Airflow ends').toBeGreaterThan(
      sent,
    );
    await pause(random() * 2_000);
    await stopAirflow({ state: testState, keepPostgres: true, atOnce: random() < 0.5 });
    await pause(random() * 500);
    await startAirflow({ state: testState, ...quiet });
  }
  await endStream(device.page);
  await device.syncUntilSettled(270_000);
  const again =
    `Again: UPDRAFT_SEED=${seed} UPDRAFT_RESTARTS=${RESTARTS} npm run ` +
    `test:e2e -- --project=${via} airflow-down`;
  expect((await store.writes()) - before, `revisions taken. ${again}`).toBe(
    [...batches.values()].reduce((sum, count) => sum + count, 0),
  );
  await expectNothingLostOrDoubled(device, store, ledger, prefix);
  test.info().annotations.push({
    type: 'captures',
    description: `${ledger.begun.size} records, ${batches.size} batches`,
  });
});
