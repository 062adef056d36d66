import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { SyncEvents } from './support/sync-events.ts';
import { expect, test } from './support/test.ts';
import { unsent } from './support/unsent.ts';
import type { Wire } from './support/wire.ts';

/**
 * The browser's own schedule, shortened: attempts at 0, 2 and 4 s instead of 0, 5 and 15 minutes.
 */
const SHORT_SCHEDULE = [
  '--force-fieldtrials=BackgroundSync/T',
  '--force-fieldtrial-params=BackgroundSync.T:initial_retry_delay_sec/2/retry_delay_factor/1/max_sync_attempts/3/min_recovery_time_sec/1/min_periodic_sync_events_interval_sec/3',
];
const ATTEMPTS = 3;

/**
 * Captures without a network and closes the tab; then the network is back, and Airflow is not.
 * `seen`: the requests before that, because the first attempt may come before this function ends.
 */
async function leaveBehindFailingServer(
  device: Device,
  wire: Wire,
  id: string,
): Promise<{ readonly syncs: SyncEvents; readonly seen: number }> {
  await device.openSignedIn('ana', { keep: true });
  await device.setOffline(true);
  await device.put({ id, site: 'A7', status: 'ok' });
  const syncs = await SyncEvents.observe(device);
  await device.closeTab();
  wire.fail('all', 'gateway-502');
  const seen = wire.seen.length;
  await device.context.setOffline(false);
  return { syncs, seen };
}

/**
 * Waits for the browser's next attempts to fail, and stops the worker after each: the worker's own
 * timers must not drain the outbox.
 */
async function failedAttempts(
  device: Device,
  wire: Wire,
  before: number,
  attempts: number,
): Promise<void> {
  let seen = before;
  for (let attempt = 0; attempt < attempts; attempt++) {
    await eventually(() => wire.seen.length, 'a request of the next attempt').toBeGreaterThan(seen);
    await device.killWorker();
    seen = wire.seen.length;
  }
}

const dispatched = (syncs: SyncEvents): number =>
  syncs.names.filter((name) => /dispatched/i.test(name)).length;

test('Airflow is well before the browser’s third attempt, no page open: that one drains', async ({
  newDevice,
  site,
  store,
  prefix,
}) => {
  const device = await newDevice({ args: SHORT_SCHEDULE });
  const { syncs, seen } = await leaveBehindFailingServer(device, site.wire, `${prefix}kept`);
  await failedAttempts(device, site.wire, seen, ATTEMPTS - 1);
  site.wire.heal();
  await store.hasLive(prefix, 1);
  expect(dispatched(syncs), syncs.names.join()).toBe(ATTEMPTS);
});

test('Airflow is well after the browser’s last attempt: the next page drains in a second', async ({
  newDevice,
  site,
  store,
  prefix,
}) => {
  const device = await newDevice({ args: SHORT_SCHEDULE });
  const { syncs, seen } = await leaveBehindFailingServer(device, site.wire, `${prefix}kept`);
  await failedAttempts(device, site.wire, seen, ATTEMPTS);
  site.wire.heal();
  const before = site.wire.seen.length;
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  expect(
    site.wire.seen.length,
    `after the last attempt the browser wakes nobody: ${syncs.names.join()}`,
  ).toBe(before);
  await device.open();
  const opened = Date.now();
  await store.hasLive(prefix, 1);
  const first = site.wire.seen.slice(before).find(({ step }) => step === 'exchange');
  expect(
    (first?.at ?? Number.NaN) - opened,
    'ms from the open page to the exchange',
  ).toBeLessThanOrEqual(1_000);
});

test('without permission for Background Sync: captured, reloaded, drained by the page', async ({
  device,
  store,
  prefix,
}) => {
  await device.cdp.send('Browser.setPermission', {
    permission: { name: 'background-sync' },
    setting: 'denied',
    origin: device.url,
  });
  await device.openSignedIn('ana', { keep: true });
  await device.setOffline(true);
  await device.put({ id: `${prefix}kept`, site: 'A7', status: 'ok' });
  await device.reload();
  expect(await device.rows(prefix)).toMatchObject([{ state: unsent }]);
  expect(await tags(device), 'the browser takes no registration').toEqual([]);
  await device.setOffline(false);
  await device.settled();
  await store.hasLive(prefix, 1);
});

const tags = (device: Device): Promise<string[]> =>
  device.page.evaluate(async () => {
    const { sync } = (await navigator.serviceWorker.ready) as unknown as {
      sync: { getTags: () => Promise<string[]> };
    };
    return sync.getTags();
  });
