import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serveDemo } from '../scripts/lib/serve.mjs';
import { shared, type AirflowApi } from './support/airflow.ts';
import { Device } from './support/device.ts';
import { FreshApp } from './support/fresh-app.ts';
import { portOf } from './support/lane.ts';
import type { Store } from './support/store.ts';
import { expect, test } from './support/test.ts';

/** The fresh app's page, as used by the test. */
interface FreshPage {
  readonly app: {
    readonly signIn: () => Promise<void>;
    readonly capture: () => Promise<{
      id: string;
      verdict: string;
      row: { state: string; value: { visits: number } } | null;
    }>;
  };
}

/** In the page: each binding with the type of its `useQuery`. */
const namesOfBindings = (): string[][] => {
  const { bindings } = window as unknown as { bindings: Record<string, { useQuery?: unknown }> };
  return Object.entries(bindings).map(([name, { useQuery }]) => [name, typeof useQuery]);
};

test('npm pack: a fresh app type-checks, builds, and a put arrives, by either worker', async ({
  store,
  airflow,
}) => {
  test.setTimeout(1_440_000);
  const app = await FreshApp.install();
  try {
    expect(
      await readdir(join(app.dir, 'node_modules/airflow-updraft/dist')),
      'nothing but the library',
    ).not.toContain('demo');
    const licences = await readFile(
      join(app.dir, 'node_modules/airflow-updraft/dist/updraft-sw.js.licences.md'),
      'utf8',
    );
    for (const bundled of ['dexie', 'idb', 'valibot', 'workbox-background-sync', 'workbox-core'])
      expect(licences, 'case D13: the terms of what the worker holds').toContain(
        `## ${bundled} - `,
      );
    await app.typecheck();
    expect(await app.test(), 'the test kit in Node').toMatch(/# pass 2\n# fail 0/);
    const server = await serveDemo({
      airflowUrl: shared().airflow.airflowUrl,
      dir: await app.build(),
      port: portOf('pack'),
    });
    try {
      for (const worker of [
        '/sw.js',
        '/updraft-sw.js?airflow=/airflow&collections=/collections.json',
      ])
        await test.step(worker, () =>
          putArrives(`${server.url}/?worker=${encodeURIComponent(worker)}`, { store, airflow }),
        );
      await test.step('npx airflow-updraft doctor finds all of it well', () =>
        doctorIsContent(app, server.url));
      await test.step('case D6: the route for navigations leaves Airflow alone', () =>
        navigatesAsAdvised(server.url));
    } finally {
      await server.close();
    }
    const development = await app.develop(shared().airflow.airflowUrl, portOf('pack'));
    try {
      await test.step("case D8: Vite's development server", () =>
        putArrives(
          `${development.url}/?type=module&worker=${encodeURIComponent('/dev-sw.js?dev-sw')}`,
          { store, airflow },
        ));
    } finally {
      await development.close();
    }
  } finally {
    await app.dispose();
  }
});

/** The packed command asks a real app and a real Airflow, and each check is answered. */
async function doctorIsContent(app: FreshApp, url: string): Promise<void> {
  const ana = shared().airflow.users.find(({ name }) => name === 'ana');
  const report = (await app.doctor(url, 'ana', ana?.password ?? '')) as {
    readonly findings: readonly { readonly name: string; readonly state: string }[];
  };
  expect(report.findings.filter(({ state }) => state !== 'ok')).toEqual([]);
}

interface Servers {
  readonly store: Store;
  readonly airflow: AirflowApi;
}

/** Opens the fresh app in a new profile, signs in, and puts a record that has to arrive. */
async function putArrives(url: string, { store, airflow }: Servers): Promise<void> {
  const device = await Device.start({ url });
  try {
    await device.context.addCookies([
      {
        name: '_token',
        value: await airflow.token('ana'),
        domain: '127.0.0.1',
        path: '/airflow/',
      },
    ]);
    const page = await device.open();
    await page.waitForFunction(() => 'app' in window);
    expect(await page.evaluate(namesOfBindings), 'the packed bindings').toEqual([
      ['react', 'function'],
      ['vue', 'function'],
      ['svelte', 'function'],
      ['solid', 'function'],
    ]);
    await page.evaluate(() => (window as unknown as FreshPage).app.signIn());
    const { id, verdict, row } = await page.evaluate(() =>
      (window as unknown as FreshPage).app.capture(),
    );
    expect(verdict).toBe('applied');
    expect(row).toMatchObject({ state: 'synced', value: { visits: 1 } });
    expect(await store.record(id)).toMatchObject({
      fields: { site: 'A7', status: 'ok', visits: 1 },
      updated_by: 'ana',
    });
  } finally {
    await device.dispose();
  }
}

/** The worker of the app answers the app's places, and never Airflow's sign-in. */
async function navigatesAsAdvised(url: string): Promise<void> {
  const device = await Device.start({ url });
  try {
    const page = await device.open();
    await page.waitForFunction(() => 'app' in window);
    await page.reload();
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    await device.context.setOffline(true);
    await page.goto(`${url}/any/place/of/the/app`);
    await page.waitForFunction(() => 'app' in window);
    await device.context.setOffline(false);
    await page.goto(`${url}/airflow/auth/login`);
    await expect(page.getByRole('button', { name: /sign in/i })).toBeVisible();
  } finally {
    await device.dispose();
  }
}
