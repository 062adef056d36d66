import { startAirflow, stopAirflow } from '../scripts/lib/airflow-server.mjs';
import { testState } from './support/airflow.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

const quiet = { say: () => undefined };

test('fault 32: Airflow stopped while it applies a batch and started again: everything arrives once, and until then the status says what it waits for', async ({
  device,
  site,
  store,
  via,
  prefix,
}) => {
  test.setTimeout(240_000);
  test.skip(process.env['UPDRAFT_E2E_STATE'] !== undefined, 'The server is not the tests’ own to stop.');
  await device.openSignedIn('ana');
  const { replicaId } = await device.status();
  const then = await store.revision();
  const ids = Array.from({ length: 5 }, (_, n) => `${prefix}${n}`);
  try {
    // The exchange is held inside its transaction, so that Airflow goes down in the middle of it.
    const sent = site.wire.count(site.wire.sending);
    await store.query('SELECT id FROM updraft_meta WHERE id = 1 FOR UPDATE', [], 'down');
    await device.captureAsOneBatch(() => Promise.all(ids.map((id) => device.put({ id, site: 'A7', status: 'ok' }))));
    await eventually(() => site.wire.count(site.wire.sending), 'the batch sent').toBeGreaterThan(sent);
    if (via === 'dag') await eventually(async () => (await device.status()).run, 'the DAG run').toContain(`updraft__${replicaId}__`);
    await eventually(
      () => store.query(`SELECT pid FROM pg_stat_activity WHERE datname = 'updraft' AND wait_event_type = 'Lock'`),
      'the exchange in its transaction',
    ).toHaveLength(1);
    await device.put({ id: `${prefix}later`, site: 'B2', status: 'watch' });

    await stopAirflow({ state: testState, keepPostgres: true });
    await store.query('ROLLBACK', [], 'down');
    await eventually(async () => (await device.status()).waiting?.for, 'what the status waits for', 5_000).toBe('airflow');
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
  await device.syncUntilSettled(60_000);
  const records = await store.hasLive(prefix, 6);
  expect(records.every(({ revision, created }) => revision === created)).toBe(true);
  expect((await store.revision()) - then, 'revisions taken').toBe(6);
  expect(await store.ledger(replicaId)).toMatchObject({ number: 2 });
  expect(new Set((await device.rows(prefix)).map(({ state }) => state))).toEqual(new Set(['synced']));
});
