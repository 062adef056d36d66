import { Ledger } from './support/capture-stream.ts';
import { crashTabs, killBrowsers, killWorkers } from './support/kill-loop.ts';
import { batchesOf, expectNothingLostOrDoubled } from './support/nothing-lost.ts';
import { randomOf, seedOf } from './support/random.ts';
import { expect, test } from './support/test.ts';

// `npm run soak` kills more often.
const WORKER_KILLS = Number(process.env['UPDRAFT_WORKER_KILLS'] ?? 50);
const BROWSER_KILLS = Number(process.env['UPDRAFT_BROWSER_KILLS'] ?? 3);
const seed = seedOf();
const again =
  `Again: UPDRAFT_SEED=${seed} UPDRAFT_WORKER_KILLS=${WORKER_KILLS} ` +
  `UPDRAFT_BROWSER_KILLS=${BROWSER_KILLS} npm run test:e2e -- ` +
  '--project=plugin kill-loop';

test(`faults 1–4: ${WORKER_KILLS} workers killed: none lost or doubled (seed ${seed})`, async ({
  device,
  site,
  store,
  prefix,
}) => {
  test.setTimeout(180_000 + WORKER_KILLS * 4_500);
  const batches = batchesOf(site.wire);
  await device.openSignedIn('ana', { keep: true });
  const before = await store.writes();
  const ledger = new Ledger();
  await killWorkers(device, WORKER_KILLS, { ledger, prefix, random: randomOf(seed) });
  await device.syncUntilSettled(360_000);
  expect((await store.writes()) - before, `revisions taken. ${again}`).toBe(
    [...batches.values()].reduce((sum, count) => sum + count, 0),
  );
  await expectNothingLostOrDoubled(device, store, ledger, prefix);
  test.info().annotations.push({
    type: 'captures',
    description: `${ledger.begun.size} records, ${batches.size} batches`,
  });
});

test(`fault 5: ${BROWSER_KILLS} browsers killed: none lost, none doubled (seed ${seed})`, async ({
  device,
  newDevice,
  site,
  store,
  prefix,
}) => {
  test.setTimeout(180_000 + BROWSER_KILLS * 45_000);
  const batches = batchesOf(site.wire);
  await device.openSignedIn('ana', { keep: true });
  const before = await store.writes();
  const ledger = new Ledger();
  const last = await killBrowsers(device, BROWSER_KILLS, (profile) => newDevice({ profile }), {
    ledger,
    prefix,
    random: randomOf(seed),
  });
  await last.syncUntilSettled(360_000);
  expect((await store.writes()) - before, `revisions taken. ${again}`).toBe(
    [...batches.values()].reduce((sum, count) => sum + count, 0),
  );
  await expectNothingLostOrDoubled(last, store, ledger, prefix);
  test.info().annotations.push({
    type: 'captures',
    description: `${ledger.begun.size} records, ${batches.size} batches`,
  });
});

test(`fault 7: crashing tabs that capture: none lost, none doubled (seed ${seed})`, async ({
  device,
  site,
  store,
  prefix,
}) => {
  const batches = batchesOf(site.wire);
  await device.openSignedIn('ana', { keep: true });
  const before = await store.writes();
  const ledger = new Ledger();
  await crashTabs(device, 4, { ledger, prefix, random: randomOf(seed) });
  await device.openAgain('ana');
  await device.syncUntilSettled(360_000);
  expect((await store.writes()) - before, `revisions taken. ${again}`).toBe(
    [...batches.values()].reduce((sum, count) => sum + count, 0),
  );
  await expectNothingLostOrDoubled(device, store, ledger, prefix);
});
