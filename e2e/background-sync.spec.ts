import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { SyncEvents } from './support/sync-events.ts';
import { expect, test } from './support/test.ts';
import type { Wire } from './support/wire.ts';

/** The browser's own schedule, shortened: attempts at 0, 2 and 4 s instead of 0, 5 and 15 minutes. */
const SHORT_SCHEDULE = [
  '--force-fieldtrials=BackgroundSync/T',
  '--force-fieldtrial-params=BackgroundSync.T:initial_retry_delay_sec/2/retry_delay_factor/1/max_sync_attempts/3/min_recovery_time_sec/1/min_periodic_sync_events_interval_sec/3',
];
const ATTEMPTS = 3;

/** Captured without a network, the tab closed; then the network is back, and Airflow is not. */
async function leaveBehindFailingServer(device: Device, wire: Wire, id: string): Promise<SyncEvents> {
  await device.openSignedIn('ana', { keep: true });
  await device.setOffline(true);
  await device.put({ id, site: 'A7', status: 'ok' });
  const syncs = await SyncEvents.observe(device);
  await device.closeTab();
  wire.fail('all', 'gateway-502');
  await device.context.setOffline(false);
  return syncs;
}

/** Waits for the browser's next attempt to fail, then stops the worker: its own timers must not be what drains. */
async function failedAttempt(device: Device, wire: Wire, seen: number): Promise<number> {
  await eventually(() => wire.seen.length, 'a request of the next attempt').toBeGreaterThan(seen);
  await device.killWorker();
  return wire.seen.length;
}

const dispatched = (syncs: SyncEvents): number => syncs.names.filter((name) => /dispatched/i.test(name)).length;

test('Airflow fails twice and is well before the browser’s third attempt, no page open: the third one drains', async ({ newDevice, site, store, prefix }) => {
  const device = await newDevice({ args: SHORT_SCHEDULE });
  let seen = site.wire.seen.length;
  const syncs = await leaveBehindFailingServer(device, site.wire, `${prefix}kept`);
  seen = site.wire.seen.length;
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) seen = await failedAttempt(device, site.wire, seen);
  site.wire.heal();
  await store.hasLive(prefix, 1);
  expect(dispatched(syncs), syncs.names.join()).toBe(ATTEMPTS);
});

test('Airflow is well only after the browser’s last attempt: nothing moves without a page, and the next page drains within a second', async ({
  newDevice,
  site,
  store,
  prefix,
}) => {
  const device = await newDevice({ args: SHORT_SCHEDULE });
  const syncs = await leaveBehindFailingServer(device, site.wire, `${prefix}kept`);
  let seen = 0;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) seen = await failedAttempt(device, site.wire, seen);
  site.wire.heal();
  const before = site.wire.seen.length;
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  expect(site.wire.seen.length, `after the last attempt the browser wakes nobody: ${syncs.names.join()}`).toBe(before);
  await device.open();
  const opened = Date.now();
  await store.hasLive(prefix, 1);
  const first = site.wire.seen.slice(before).find(({ step }) => step === 'exchange');
  expect((first?.at ?? Number.NaN) - opened, 'ms from the open page to the exchange').toBeLessThanOrEqual(1_000);
});

test('without the permission for Background Sync: captured, reloaded, reconnected, drained by the page', async ({ device, store, prefix }) => {
  await device.cdp.send('Browser.setPermission', { permission: { name: 'background-sync' }, setting: 'denied', origin: device.url });
  await device.openSignedIn('ana', { keep: true });
  await device.setOffline(true);
  await device.put({ id: `${prefix}kept`, site: 'A7', status: 'ok' });
  await device.reload();
  expect(await device.rows(prefix)).toMatchObject([{ state: 'local' }]);
  expect(await tags(device), 'the browser takes no registration').toEqual([]);
  await device.setOffline(false);
  await device.settled();
  await store.hasLive(prefix, 1);
});

const tags = (device: Device): Promise<string[]> =>
  device.page.evaluate(async () => {
    const { sync } = (await navigator.serviceWorker.ready) as unknown as { sync: { getTags: () => Promise<string[]> } };
    return sync.getTags();
  });
