import { expect, test as base } from '@playwright/test';
import type { TransportName } from '../../shared/limits.ts';
import { serveDemo } from '../../scripts/lib/serve.mjs';
import { AirflowApi, shared } from './airflow.ts';
import { Device, type DeviceOptions } from './device.ts';
import { portOf } from './lane.ts';
import { filesWithSecrets, tablesWithSecrets } from './secrets.ts';
import { Sql } from './sql.ts';
import { Store } from './store.ts';
import { Wire } from './wire.ts';

export { expect };

/**
 * The demo and Airflow under a common origin, with a wire between demo and Airflow that a test can
 * harm.
 */
export interface Site {
  readonly url: string;
  readonly port: number;
  readonly wire: Wire;
}

interface TestFixtures {
  /** Transport of the exchanges: the plugin, or the DAG on an Airflow without the plugin. */
  readonly via: TransportName;
  readonly site: Site;
  /** Starts a separate browser; closed when the test ends. */
  readonly newDevice: (options?: Partial<DeviceOptions>) => Promise<Device>;
  readonly device: Device;
  /** Prefix of every record id of this test, so that no test sees another's records. */
  readonly prefix: string;
}

interface WorkerFixtures {
  readonly sql: Sql;
  readonly store: Store;
  readonly airflow: AirflowApi;
  /** All used tokens. The server's store is searched for these tokens in the end. */
  readonly usedTokens: Set<string>;
}

let tests = 0;

export const test = base.extend<TestFixtures, WorkerFixtures>({
  sql: [
    async ({ browserName: _ }, use) => {
      const sql = new Sql();
      await use(sql);
      sql.close();
    },
    { scope: 'worker' },
  ],
  store: [async ({ sql }, use) => use(new Store(sql, shared().airflow)), { scope: 'worker' }],
  airflow: [
    async ({ browserName: _ }, use) => use(new AirflowApi(shared().airflow.airflowUrl)),
    { scope: 'worker' },
  ],
  usedTokens: [
    async ({ store }, use) => {
      const tokens = new Set<string>();
      await use(tokens);
      expect(
        await tablesWithSecrets(store, tokens),
        'tables of the server’s store that hold a token or a password',
      ).toEqual([]);
    },
    { scope: 'worker' },
  ],
  prefix: async ({ browserName: _ }, use, { workerIndex }) =>
    use(`e2e-${Date.now().toString(36)}-${workerIndex}-${++tests}-`),
  via: ['plugin', { option: true }],
  site: async ({ via, usedTokens }, use) => {
    const wire = new Wire(() => shared().airflow.airflowUrl, via);
    const server = await serveDemo({
      airflowUrl: shared().airflow.airflowUrl,
      dir: shared().dir,
      port: portOf('site'),
      intercept: wire.intercept,
    });
    await use({ url: server.url, port: server.port, wire });
    wire.heal();
    await server.close();
    for (const token of wire.tokens) usedTokens.add(token);
  },
  newDevice: async ({ site }, use) => {
    const devices: Device[] = [];
    await use(async (options) => {
      const device = await Device.start({ url: site.url, ...options });
      devices.push(device);
      return device;
    });
    await Promise.all(devices.map((device) => device.close()));
    const kept = await Promise.all(
      devices.map((device) => filesWithSecrets(device.profile, site.wire.tokens)),
    );
    await Promise.all(devices.map((device) => device.dispose()));
    expect(kept.flat(), 'files of the browser’s profile that hold a token or a password').toEqual(
      [],
    );
  },
  device: async ({ newDevice }, use) => use(await newDevice()),
});
