import { WAITING_WORDS } from '../demo/src/words.ts';
import { serveDemo } from '../scripts/lib/serve.mjs';
import { shared } from './support/airflow.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { portOf } from './support/lane.ts';
import { OtherBuild } from './support/other-build.ts';
import { expect, test, type Site } from './support/test.ts';

const PORT = portOf('otherProtocol');

/** Serves builds of the app, each after the other, under a single origin. */
async function deploy({ wire }: Site, dir: string, port = PORT): ReturnType<typeof serveDemo> {
  return serveDemo({
    airflowUrl: shared().airflow.airflowUrl,
    dir,
    port,
    intercept: wire.intercept,
  });
}

/** The browser finds another build of the app, and the person accepts the update. */
async function update(device: Device): Promise<void> {
  await device.reload();
  const reloaded = device.page.waitForEvent('load');
  await device.page.getByTestId('update').click();
  await reloaded;
  await device.connected();
}

// Once where both transports behave alike.
for (const [kind, apart, tag] of [
  ['two versions older', -2, []],
  ['one version newer', 1, ['@once']],
] as const) {
  const name =
    `fault 16: an app is deployed whose protocol is ${kind} than ` +
    "Airflow's: what is captured is held, nothing is sent, and the app " +
    'that fits sends it once';
  test(name, { tag: [...tag] }, async ({ newDevice, site, store, prefix }) => {
    const other = await OtherBuild.apart(apart);
    let server = await deploy(site, shared().dir);
    try {
      const { port, url } = server;
      const device = await newDevice({ url });
      await device.openSignedIn('ana');
      await server.close();
      server = await deploy(site, other.dir, port);
      await update(device);
      await device.put({ id: `${prefix}held`, site: 'A7', status: 'ok' });
      await device.increment(`${prefix}held`, 1);
      await eventually(async () => (await device.status()).waiting?.for, 'what it waits for').toBe(
        'update',
      );
      await expect(device.page.getByText(WAITING_WORDS.update.text)).toBeVisible();
      await device.sync();
      expect([(await device.status()).unsent, await store.records(prefix)]).toEqual([1, []]);

      await server.close();
      server = await deploy(site, shared().dir, port);
      await update(device);
      await device.syncUntilSettled();
      expect((await store.hasLive(prefix, 1))[0]).toMatchObject({
        fields: { status: 'ok', visits: 1 },
        updated_by: 'ana',
      });
    } finally {
      await server.close();
      await other.dispose();
    }
  });
}
