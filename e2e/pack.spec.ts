import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TEMPLATES } from '../cli/init/choices.ts';
import { serveDemo } from '../scripts/lib/serve.mjs';
import { newId } from '../shared/ids.ts';
import { shared, type AirflowApi } from './support/airflow.ts';
import { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { FreshApp } from './support/fresh-app.ts';
import { portOf } from './support/lane.ts';
import { deployNewVersion, NewAppUser } from './support/new-app.ts';
import { makePlainPage } from './support/plain-page.ts';
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

let app: FreshApp;
test.beforeAll(async () => {
  test.setTimeout(1_440_000);
  app = await FreshApp.install();
});
test.afterAll(() => app.dispose());

test('npm pack: a fresh app type-checks, builds, and a put arrives, by either worker', async ({
  store,
  airflow,
}) => {
  test.setTimeout(1_440_000);
  expect(
    await readdir(join(app.dir, 'node_modules/airflow-updraft/dist')),
    'nothing but the library',
  ).not.toContain('demo');
  const licences = await readFile(
    join(app.dir, 'node_modules/airflow-updraft/dist/updraft-sw.js.licences.md'),
    'utf8',
  );
  for (const bundled of ['dexie', 'idb', 'valibot', 'workbox-background-sync', 'workbox-core'])
    expect(licences, 'case D13: the terms of what the worker holds').toContain(`## ${bundled} - `);
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
      doctorIsContent(app, server.url, '/collections.json'));
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
});

test('without a bundler: the page of the docs captures and opens offline, and syncs', async ({
  store,
  airflow,
}) => {
  const dir = await makePlainPage(app.dir);
  const server = await serveDemo({
    airflowUrl: shared().airflow.airflowUrl,
    dir,
    port: portOf('pack'),
  });
  const device = await Device.start({ url: server.url });
  try {
    // Comes first in the list, which is by site and bounded; other tests have filled the store.
    const site = `0 plain ${newId()}`;
    const page = await device.open();
    const line = page.getByRole('listitem').filter({ hasText: site });
    await page.getByRole('link', { name: 'Sign in' }).waitFor();
    await device.context.addCookies([await airflow.cookie('ana')]);
    await page.reload();
    await expect(page.getByRole('status')).toHaveText('0 unsent');
    await device.context.setOffline(true);
    await page.getByLabel('Site').fill(site);
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(line).toHaveText(`${site}: local`);
    await page.reload();
    await expect(line).toHaveText(`${site}: local`);
    await expect(page.getByRole('status')).toHaveText('1 unsent');
    await device.context.setOffline(false);
    await expect(line).toHaveText(`${site}: synced`);
    expect(
      await store.query<{ updated_by: string }>(
        "SELECT updated_by FROM updraft_records WHERE fields->>'site' = %s",
        [site],
      ),
    ).toEqual([{ updated_by: 'ana' }]);
  } finally {
    await device.dispose();
    await server.close();
  }
});

/** The soak uses every template; `cli/init/` holds each to its files in a unit test. */
const USED = TEMPLATES.slice(0, Number(process.env['UPDRAFT_TEMPLATES'] ?? 2));

for (const template of USED)
  test(`npx airflow-updraft init: ${template} builds, works offline and syncs`, async ({
    device,
    store,
    airflow,
    prefix,
  }) => {
    test.setTimeout(720_000);
    await test.step('more entries than a list shows', () => manyEntries(device, prefix));
    const dir = await app.init(template);
    const server = await serveDemo({
      airflowUrl: shared().airflow.airflowUrl,
      dir,
      port: portOf('pack'),
    });
    try {
      await test.step('doctor', () =>
        doctorIsContent(app, server.url, `apps/${template}/src/collections.json`));
      await usedByTwo(server.url, `${template} ${newId()}`, { store, airflow });
      await test.step('a newer version, with work queued', () =>
        switchesOver(server.url, dir, `${template} ${newId()}`, { store, airflow }));
    } finally {
      await server.close();
    }
  });

/** Sends more records than a query without a limit returns, first in the order of sites. */
async function manyEntries(device: Device, prefix: string): Promise<void> {
  await device.openSignedIn('ana');
  await device.page.evaluate(async (start) => {
    const values = Array.from({ length: 1001 }, (_, number) => ({
      id: `${start}${number}`,
      site: `0 ${number}`,
      status: 'ok' as const,
    }));
    await client().collection('inspections').putMany(values);
    await client().whenSettled();
  }, prefix);
}

/** Captures without a network, reloads, syncs; then two people change the same field. */
async function usedByTwo(url: string, site: string, { store, airflow }: Servers): Promise<void> {
  const ana = await NewAppUser.begin(url, airflow, 'ana');
  const ben = await NewAppUser.begin(url, airflow, 'ben');
  try {
    await ana.setOffline(true);
    await ana.capture(site);
    await ana.sees(site, 'on this device', 'ok');
    await ana.page.reload();
    await ana.sees(site, 'on this device', 'ok');
    await ana.setOffline(false);
    await ana.signIn();
    await ana.sees(site, 'in Airflow', 'ok');
    const written = (): Promise<{ by: string; status: string }[]> =>
      store.query(
        "SELECT updated_by AS by, fields->>'status' AS status FROM updraft_records " +
          "WHERE fields->>'site' = %s",
        [site],
      );
    expect(await written()).toEqual([{ by: 'ana', status: 'ok' }]);
    await ben.signIn();
    await ben.sees(site, 'in Airflow', 'ok');
    await ana.setOffline(true);
    await ana.setStatus(site, 'watch');
    await ben.setStatus(site, 'fail');
    // The choice shows at once, and the state of before may stand beside it: the store decides.
    await eventually(async () => (await written()).map(({ status }) => status), 'sent').toEqual([
      'fail',
    ]);
    await ben.sees(site, 'in Airflow', 'fail');
    await ana.setOffline(false);
    await ana.decide('Mine');
    await ana.sees(site, 'in Airflow', 'watch');
    await ben.sees(site, 'in Airflow', 'watch');
  } finally {
    await Promise.all([ana.device.dispose(), ben.device.dispose()]);
  }
}

/** Captures before and after the app's next version, which a person chooses; both arrive. */
async function switchesOver(
  url: string,
  dir: string,
  site: string,
  { store, airflow }: Servers,
): Promise<void> {
  const ana = await NewAppUser.begin(url, airflow, 'ana');
  try {
    await ana.device.context.clearCookies();
    await ana.capture(site);
    await ana.sees(site, 'on this device', 'ok');
    await deployNewVersion(dir, 'The next version');
    await ana.page.reload();
    await ana.page.getByRole('button', { name: 'Use it now' }).click();
    await expect(ana.page).toHaveTitle('The next version');
    await ana.sees(site, 'on this device', 'ok');
    await ana.setStatus(site, 'fail');
    await ana.device.context.addCookies([await airflow.cookie('ana')]);
    await ana.signIn();
    await ana.sees(site, 'in Airflow', 'fail');
    expect(
      await store.query<{ edits: number }>(
        "SELECT revision - created AS edits FROM updraft_records WHERE fields->>'site' = %s",
        [site],
      ),
      'arrived once, with both changes',
    ).toEqual([{ edits: 0 }]);
  } finally {
    await ana.device.dispose();
  }
}

/** The packed command asks a real app and a real Airflow, and each check is answered. */
async function doctorIsContent(app: FreshApp, url: string, collections: string): Promise<void> {
  const ana = shared().airflow.users.find(({ name }) => name === 'ana');
  const report = (await app.doctor(url, collections, {
    user: 'ana',
    password: ana?.password ?? '',
  })) as {
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
    await device.context.addCookies([await airflow.cookie('ana')]);
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
