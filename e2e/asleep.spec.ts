import { processesOf } from './support/browser-processes.ts';
import { Ledger, endStream, noteInto, streamCaptures } from './support/capture-stream.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { batchesOf, expectNothingLostOrDoubled } from './support/nothing-lost.ts';
import { randomOf, seedOf } from './support/random.ts';
import { expect, test } from './support/test.ts';

const HEARTBEAT_MS = 20_000;
const seed = seedOf();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Stops every process of the browser for a while, as a sleeping laptop does: the clock goes on, and
 * no process runs.
 */
async function sleep(device: Device, ms: number): Promise<void> {
  const pids = processesOf(device.profile);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  await pause(ms);
  for (const pid of pids.toReversed()) process.kill(pid, 'SIGCONT');
}

test('fault 34: a machine that slept catches up within a heartbeat, without a storm', async ({
  device,
  site,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  site.wire.fail('all', 'refuse');
  await device.put({ id: `${prefix}kept`, site: 'A7', status: 'ok' });
  await eventually(async () => (await device.status()).waiting?.for, 'the failure is seen').toBe(
    'airflow',
  );
  // A request that left the browser just before is answered during the sleep.
  const seen = site.wire.seen.length;
  const asleep = sleep(device, 6_000);
  site.wire.heal();
  await asleep;
  const woken = Date.now();
  await store.hasLive(prefix, 1, HEARTBEAT_MS + 5_000);
  const exchanges = site.wire.seen
    .slice(seen)
    .filter(({ step, fault }) => step === 'exchange' && fault === undefined);
  expect((exchanges[0]?.at ?? Number.NaN) - woken, 'ms to the first exchange').toBeLessThanOrEqual(
    HEARTBEAT_MS + 1_000,
  );
  await device.settled();
  expect(exchanges.length, 'exchanges for one record').toBeLessThanOrEqual(5);
});

test(`fault 34: asleep at random moments: no capture lost or doubled (seed ${seed})`, async ({
  device,
  site,
  store,
  prefix,
}) => {
  const random = randomOf(seed);
  const batches = batchesOf(site.wire);
  await device.openSignedIn('ana', { keep: true });
  const before = await store.writes();
  const ledger = new Ledger();
  await noteInto(device, ledger);
  const page = await device.open();
  await device.connected();
  await streamCaptures(page, prefix, 4);
  for (let nap = 0; nap < 4; nap++) {
    await pause(random() * 500);
    await sleep(device, 200 + random() * 2_000);
  }
  await endStream(page);
  await device.syncUntilSettled(180_000);
  expect((await store.writes()) - before, 'revisions taken').toBe(
    [...batches.values()].reduce((sum, count) => sum + count, 0),
  );
  await expectNothingLostOrDoubled(device, store, ledger, prefix);
});
