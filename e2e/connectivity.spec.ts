import { shared } from './support/airflow.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { ClientNetwork, whyNoNamespaces } from './support/netns.ts';
import { expect, test } from './support/test.ts';
import type { Wire } from './support/wire.ts';

// `npm run soak` tries more often.
const OFFLINE_TRIES = Number(process.env['UPDRAFT_OFFLINE_TRIES'] ?? 5);
const CABLE_TRIES = Number(process.env['UPDRAFT_CABLE_TRIES'] ?? 2);
const HEARTBEAT_MS = 20_000;

/**
 * Captures without a network; returns the milliseconds from the network's return to the first
 * exchange that reaches the server.
 */
async function firstRequestAfter(
  device: Device,
  wire: Wire,
  id: string,
  restore: () => Promise<void> | void,
): Promise<number> {
  await device.put({ id, site: 'A7', status: 'ok' });
  await eventually(async () => (await device.status()).phase, 'nothing under way').toBe('waiting');
  const seen = wire.seen.length;
  const first = (): number | undefined =>
    wire.seen.slice(seen).find(({ step }) => step === 'exchange')?.at;
  const restored = Date.now();
  await restore();
  await eventually(first, 'the first exchange', 60_000).toBeDefined();
  return (first() ?? Number.NaN) - restored;
}

test(`an open page sends within 1 s of the network's return (${OFFLINE_TRIES} times)`, async ({
  device,
  site,
  store,
  prefix,
}) => {
  test.setTimeout(180_000 + OFFLINE_TRIES * 15_000);
  await device.openSignedIn('ana');
  const waited: number[] = [];
  for (let n = 0; n < OFFLINE_TRIES; n++) {
    await device.setOffline(true);
    waited.push(
      await firstRequestAfter(device, site.wire, `${prefix}${n}`, () =>
        device.context.setOffline(false),
      ),
    );
    await device.settled();
  }
  test.info().annotations.push({ type: 'first request, ms', description: waited.join() });
  expect(Math.max(...waited), `ms: ${waited.join()}`).toBeLessThanOrEqual(1_000);
  await store.hasLive(prefix, OFFLINE_TRIES);
});

test(`an open page sends within 5 s of the cable's return (${CABLE_TRIES} times)`, async ({
  site,
  newDevice,
  store,
  prefix,
}) => {
  const whyNot = whyNoNamespaces();
  test.skip(whyNot !== undefined, whyNot);
  test.setTimeout(180_000 + CABLE_TRIES * 90_000);
  const network = await ClientNetwork.create({
    upstream: site.port,
    dir: shared().dir,
    chromium: shared().chromium,
  });
  try {
    const device = await newDevice({ url: network.url, executablePath: network.executablePath });
    await device.openSignedIn('ana');
    const waited: number[] = [];
    for (let n = 0; n < CABLE_TRIES; n++) {
      network.cut();
      await eventually(
        async () => (await device.status()).online,
        'the browser sees that the link is down',
      ).toBe(false);
      waited.push(await firstRequestAfter(device, site.wire, `${prefix}${n}`, network.mend));
      await device.settled();
    }
    test.info().annotations.push({ type: 'first request, ms', description: waited.join() });
    expect(Math.max(...waited), `ms: ${waited.join()}`).toBeLessThanOrEqual(5_000);
    await store.hasLive(prefix, CABLE_TRIES);
    await device.close();
  } finally {
    await network.dispose();
  }
});

test('without a network event, a page’s heartbeat finds that the server is back', async ({
  device,
  site,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  // The browser stays online all the time; only the way to Airflow is broken.
  site.wire.fail('all', 'refuse');
  await device.put({ id: `${prefix}kept`, site: 'A7', status: 'ok' });
  await eventually(async () => (await device.status()).waiting?.for, 'the failure is seen').toBe(
    'airflow',
  );
  // The worker's timer ends with the worker, and the browser's own next attempt is minutes away:
  // only the page is left.
  await device.killWorker();
  const seen = site.wire.seen.length;
  site.wire.heal();
  const healed = Date.now();
  await device.settled(HEARTBEAT_MS * 2);
  const first = site.wire.seen.slice(seen).find(({ at }) => at >= healed);
  expect((first?.at ?? Number.NaN) - healed, 'ms to the first request').toBeLessThanOrEqual(
    HEARTBEAT_MS + 1_000,
  );
  await store.hasLive(prefix, 1);
});
