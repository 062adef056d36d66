import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type { Updraft } from '../client/index.ts';
import { serveDemo } from '../scripts/lib/serve.mjs';
import { root } from '../scripts/lib/paths.mjs';
import { shared, type AirflowApi } from './support/airflow.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { portOf } from './support/lane.ts';
import { SmallApp } from './support/small-app.ts';
import type { Store } from './support/store.ts';
import { expect, test } from './support/test.ts';

const PORT = portOf('declarations');
/** How long a page waits for a worker's answer before asking again. */
const ANSWER_MS_MAX = 5_000;
const PREBUILT = '/updraft-sw.js?airflow=/airflow&collections=/collections.json';

interface Collection {
  readonly indexes?: readonly string[];
}
interface File {
  readonly version: 1;
  readonly collections: Readonly<Record<string, Collection>>;
}
type Small = Window & {
  readonly connecting: Promise<string>;
  readonly told: readonly string[][];
  readonly updraft: Updraft<Record<string, { id: string }>>;
};

const full = async (): Promise<File> =>
  JSON.parse(await readFile(join(root, 'demo', 'collections.json'), 'utf8')) as File;
/** Adds a key that no reader knows. */
const broken = ({ collections: { inspections } }: File): object => ({
  version: 1,
  collections: { inspections: { ...inspections, index: ['site'] } },
});

let built: SmallApp;
let app: SmallApp;
let server: Awaited<ReturnType<typeof serveDemo>>;
test.beforeAll(async () => {
  built = await SmallApp.build();
});
test.afterAll(() => built.dispose());
test.beforeEach(async () => {
  app = await built.copy();
  server = await serveDemo({ airflowUrl: shared().airflow.airflowUrl, dir: app.dir, port: PORT });
});
test.afterEach(async () => {
  await server.close();
  await app.dispose();
});

/** Opens the app with this worker; returns the outcome of `connect`. */
async function open(device: Device, airflow: AirflowApi, worker: string): Promise<string> {
  await device.context.addCookies([
    { name: '_token', value: await airflow.token('ana'), domain: '127.0.0.1', path: '/airflow/' },
  ]);
  await device.open();
  return connected(device.page, `${server.url}/?worker=${encodeURIComponent(worker)}`);
}
async function connected(page: Page, url = page.url()): Promise<string> {
  await page.goto(url);
  await page.waitForFunction(() => 'connecting' in window);
  return page.evaluate(() => (window as unknown as Small).connecting);
}

/**
 * Opens the app with a worker that answers nothing; returns the outcome of `connect`, which comes
 * after two questions. The page's clock is put forward by each question's time limit.
 */
async function openSilent(device: Device, worker: string): Promise<string> {
  await device.context.clock.install();
  await device.context.addInitScript(() => {
    const page = window as unknown as { asked: number };
    page.asked = 0;
    const { value: post } = Object.getOwnPropertyDescriptor(
      ServiceWorker.prototype,
      'postMessage',
    ) as { value: (this: ServiceWorker, ...message: unknown[]) => void };
    Object.defineProperty(ServiceWorker.prototype, 'postMessage', {
      value(this: ServiceWorker, ...message: unknown[]) {
        page.asked += 1;
        post.apply(this, message);
      },
    });
  });
  const page = await device.open();
  await page.goto(`${server.url}/?worker=${encodeURIComponent(worker)}`);
  for (const nth of [1, 2]) {
    await page.waitForFunction((n) => (window as unknown as { asked: number }).asked === n, nth);
    await device.context.clock.fastForward(ANSWER_MS_MAX);
  }
  return page.evaluate(() => (window as unknown as Small).connecting);
}
const put = (
  page: Page,
  collection: string,
  record: { id: string; [field: string]: unknown },
): Promise<void> =>
  page.evaluate(
    async (asked) =>
      void (await (window as unknown as Small).updraft
        .collection(asked.collection)
        .put(asked.record)),
    { collection, record },
  );
const idsOf = (page: Page, collection: string, query: object): Promise<string[]> =>
  page.evaluate(
    async (asked) =>
      (
        await (window as unknown as Small).updraft.collection(asked.collection).query(asked.query)
      ).map(({ id }) => id),
    {
      collection,
      query,
    },
  );

/** Ids of the stored tasks that have this prefix. */
const tasks = async (store: Store, prefix: string): Promise<string[]> =>
  (
    await store.query<{ id: string }>(
      "SELECT id FROM updraft_records WHERE collection = 'tasks' ORDER BY id",
    )
  ).flatMap(({ id }) => (id.startsWith(prefix) ? [id] : []));

/**
 * Lets the browser look for a new worker, as after each navigation; returns the new worker's fate.
 */
const updated = (page: Page): Promise<string> =>
  page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    if (!registration) throw new Error('no worker is registered');
    const found = new Promise<ServiceWorker | null>((resolve) =>
      registration.addEventListener('updatefound', () => resolve(registration.installing)),
    );
    await registration.update();
    const worker = await found;
    if (!worker) throw new Error('no new worker was found');
    for (;;) {
      if (
        worker.state === 'redundant' ||
        worker.state === 'installed' ||
        worker.state === 'activated'
      )
        return worker.state;
      await new Promise((resolve) =>
        worker.addEventListener('statechange', resolve, { once: true }),
      );
    }
  });

test('case D1: a newer collections.json is in force after a reload (faults 57 and 58)', async ({
  newDevice,
  airflow,
  store,
  prefix,
}) => {
  const { collections } = await full();
  const first = {
    version: 1,
    collections: { inspections: { ...collections['inspections'], indexes: [] } },
  };
  await app.write('collections.json', JSON.stringify(first));
  const device = await newDevice({ url: server.url });
  expect(await open(device, airflow, PREBUILT)).toBe('connected');
  const { page } = device;
  await page.evaluate(() => (window as unknown as Small).updraft.signIn({ cookie: true }));
  await put(page, 'inspections', { id: `${prefix}a`, site: 'A7', status: 'ok' });
  await store.hasLive(prefix, 1);

  // Deployed while a page is open, which goes on working; then that page is reloaded.
  await app.write('collections.json', JSON.stringify(await full()));
  expect(await connected(page)).toBe('connected');
  await put(page, 'tasks', { id: `${prefix}task`, site: 'A7', title: 'look', done: false });
  expect(
    await idsOf(page, 'inspections', { index: 'site', equals: 'A7', limit: 10_000 }),
  ).toContain(`${prefix}a`);
  await eventually(
    () => page.evaluate(() => (window as unknown as Small).told.length),
    'told of newer declarations',
  ).toBe(1);
  await eventually(() => tasks(store, prefix), 'tasks in the store').toEqual([`${prefix}task`]);

  await app.write('collections.json', JSON.stringify(broken(await full())));
  expect(await connected(page)).toBe('connected');
  const problem = (): Promise<string> =>
    page.evaluate(
      async () => (await (window as unknown as Small).updraft.status()).declarations?.problem ?? '',
    );
  await eventually(problem, 'what is wrong with the newest file').toContain(
    'there is no key "index". Did you mean "indexes"?',
  );
  await put(page, 'tasks', { id: `${prefix}later`, site: 'A7', title: 'look', done: false });

  // The next worker starts with the last good copy, without a network.
  await device.killWorker();
  await server.close();
  await put(page, 'tasks', { id: `${prefix}offline`, site: 'A7', title: 'look', done: true });
  expect(await idsOf(page, 'tasks', { index: 'done', equals: true, limit: 10_000 })).toContain(
    `${prefix}offline`,
  );
  server = await serveDemo({
    airflowUrl: shared().airflow.airflowUrl,
    dir: app.dir,
    port: server.port,
  });
  await page.evaluate(() => (window as unknown as Small).updraft.sync());
  await eventually(() => tasks(store, prefix), 'tasks in the store').toEqual(
    ['later', 'offline', 'task'].map((name) => prefix + name),
  );
});

test('case D2: a broken declaration with a new worker: the old worker stays (fault 57)', async ({
  newDevice,
  airflow,
  store,
  prefix,
}) => {
  const good = await full();
  for (const [worker, name] of [
    [PREBUILT, 'updraft-sw.js'],
    ['/sw.js', 'sw.js'],
  ] as const) {
    await app.write('collections.json', JSON.stringify(good));
    await app.writeOwnWorker(good);
    const device = await newDevice({ url: server.url });
    expect(await open(device, airflow, worker)).toBe('connected');
    await device.page.evaluate(() => (window as unknown as Small).updraft.signIn({ cookie: true }));
    await app.write('collections.json', JSON.stringify(broken(good)));
    await app.writeOwnWorker(broken(good));
    await app.touch(name);
    expect(await updated(device.page), name).toBe('redundant');
    expect(await connected(device.page), 'also after a reload').toBe('connected');
    await put(device.page, 'inspections', { id: `${prefix}${name}`, site: 'A7', status: 'ok' });
    await store.hasLive(`${prefix}${name}`, 1);
    await device.close();
  }
});

test('case D2, D9: a first worker that cannot be installed tells `connect` the reason', async ({
  newDevice,
  airflow,
}) => {
  const good = await full();
  await app.write('collections.json', JSON.stringify(broken(good)));
  await app.writeOwnWorker(broken(good));
  await app.write('empty.js', '// Nothing of Updraft in it.');
  const device = await newDevice({ url: server.url });
  const what = new RegExp(
    '^bad-collections: .*collections\\.inspections.*there is no key "index"\\. ' +
      'Did you mean "indexes"\\?.*Mend it there',
  );
  expect(await open(device, airflow, PREBUILT)).toMatch(what);
  expect(await open(device, airflow, '/sw.js')).toMatch(what);

  expect(await openSilent(device, '/empty.js')).toMatch(
    /^no-service-worker: .*empty\.js does not answer\. Does it call startUpdraft\(\)/,
  );

  await app.writeOwnWorker(good);
  const other = await newDevice({ url: server.url });
  expect(await open(other, airflow, '/sw.js')).toBe('connected');
  const refusal = (call: string): Promise<string> =>
    other.page.evaluate(async (text) => {
      const { updraft } = window as unknown as Small;
      const calls: Readonly<Record<string, () => unknown>> = {
        signIn: () => updraft.signIn({} as never),
        on: () => updraft.on('changes' as 'change', () => undefined),
        query: () => updraft.collection('inspections').query({ equals: 'A7' }),
      };
      try {
        await calls[text]?.();
        return 'done';
      } catch (error) {
        const { kind, message } = error as { kind: string; message: string };
        return `${kind}: ${message}`;
      }
    }, call);
  expect(await refusal('signIn')).toMatch(/^bad-option: signIn\(\) takes/);
  expect(await refusal('on')).toMatch(/^bad-option: There is no event "changes"/);
  expect(await refusal('query')).toMatch(/^bad-query: .*"equals" needs an "index"/);
});
