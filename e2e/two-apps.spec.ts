import { rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Page } from '@playwright/test';
import { serveDemo } from '../scripts/lib/serve.mjs';
import { shared } from './support/airflow.ts';
import { eventually } from './support/eventually.ts';
import { portOf } from './support/lane.ts';
import { expect, test } from './support/test.ts';
import { buildTwoApps, POLICY } from './support/two-apps.ts';

/** Channel names that another app might guess. */
const GUESSES = [
  'updraft',
  'updraft:ana',
  'updraft@/',
  'updraft@/a/',
  'updraft@/a/ ana',
  'updraft@/a/ channel',
];

/** Records every message that a silent page hears. */
async function listen(page: Page): Promise<() => Promise<unknown[]>> {
  await page.evaluate((names) => {
    const heard: unknown[] = [];
    for (const name of names)
      new BroadcastChannel(name).addEventListener('message', ({ data }) =>
        heard.push([name, data]),
      );
    navigator.serviceWorker.addEventListener('message', ({ data }) => heard.push(data));
    navigator.serviceWorker.startMessages();
    Object.assign(window, { heard });
  }, GUESSES);
  return () => page.evaluate(() => (window as unknown as { heard: unknown[] }).heard);
}

const ready = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => window.updraft !== undefined);
const idsIn = (page: Page): Promise<string[]> =>
  page.evaluate(async () =>
    (await client().collection('inspections').query({ limit: 100_000 })).map(({ id }) => id),
  );
const put = (page: Page, id: string): Promise<void> =>
  page.evaluate(
    async (one) =>
      void (await client()
        .collection('inspections')
        .put({ id: one, site: 'A7', status: 'ok' } as never)),
    id,
  );
const signIn = (page: Page): Promise<void> =>
  page.evaluate(() => client().signIn({ cookie: true }));

test('case B12: fault 59: two apps of an origin share no replica, outbox or message', async ({
  newDevice,
  airflow,
  store,
  prefix,
}) => {
  const dir = await buildTwoApps();
  const intercept = (_request: unknown, response: ServerResponse): boolean => {
    response.setHeader('content-security-policy', POLICY);
    return false;
  };
  const server = await serveDemo({
    airflowUrl: shared().airflow.airflowUrl,
    dir,
    port: portOf('twoApps'),
    intercept,
  });
  try {
    const device = await newDevice({ url: `${server.url}/a/` });
    await device.context.addCookies([await airflow.cookie('ana')]);
    const a = await device.open();
    const complaints: string[] = [];
    device.context.on(
      'console',
      (message) =>
        void (
          message.text().includes('Content Security Policy') && complaints.push(message.text())
        ),
    );
    await ready(a);
    const b = await device.context.newPage();
    await b.goto(`${server.url}/b/`);
    await ready(b);
    const heard = await listen(b);
    await device.context.setOffline(true);
    await put(a, `${prefix}a`);
    await put(b, `${prefix}b`);
    expect([await idsIn(a), await idsIn(b)]).toEqual([[`${prefix}a`], [`${prefix}b`]]);
    const [inA, inB] = await Promise.all(
      [a, b].map((page) => page.evaluate(() => client().status())),
    );
    expect(inA?.replicaId).not.toBe(inB?.replicaId);
    expect(
      await b.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name)),
    ).toEqual(expect.arrayContaining(['updraft@/a/ ana', 'updraft@/b/ ana']));

    await device.context.setOffline(false);
    await signIn(a);
    await eventually(
      async () => (await a.evaluate(() => client().status())).unsent,
      'what a has not sent',
    ).toBe(0);
    expect((await store.records(prefix)).map(({ id }) => id)).toEqual([`${prefix}a`]);
    expect(await b.evaluate(() => client().status())).toMatchObject({ unsent: 1 });
    await signIn(b);
    await eventually(
      async () => (await b.evaluate(() => client().status())).unsent,
      'what b has not sent',
    ).toBe(0);
    expect((await store.records(prefix)).map(({ id }) => id).toSorted()).toEqual([
      `${prefix}a`,
      `${prefix}b`,
    ]);
    for (const status of [inA, inB])
      expect(await store.ledger(status?.replicaId ?? '')).toMatchObject({ user: 'ana' });
    expect(await heard()).toEqual([]);
    expect(complaints).toEqual([]);

    await a.evaluate(() => client().signOut({ unsent: 'discard' }));
    expect((await idsIn(b)).filter((id) => id.startsWith(prefix)).toSorted()).toEqual([
      `${prefix}a`,
      `${prefix}b`,
    ]);
  } finally {
    await server.close();
    await rm(dir, { recursive: true, force: true });
  }
});

test('case B12: fault 60: an app’s databases with Updraft’s old names are left alone', async ({
  device,
  store,
  prefix,
}) => {
  await device.open();
  const names = ['updraft:settings', 'updraft:ana'];
  await device.page.evaluate(async (all) => {
    for (const name of all) {
      const request = indexedDB.open(name, 3);
      request.addEventListener('upgradeneeded', () =>
        request.result.createObjectStore('settings').put('dark', 'theme'),
      );
      await new Promise((resolve) => request.addEventListener('success', resolve));
      request.result.close();
    }
  }, names);
  await device.signIn('ana');
  await device.put({ id: `${prefix}x`, site: 'A7', status: 'ok' });
  await device.syncUntilSettled();
  expect((await store.records(prefix)).map(({ id }) => id)).toEqual([`${prefix}x`]);
  const kept = await device.page.evaluate(async (all) => {
    const found: unknown[] = [];
    for (const name of all) {
      const request = indexedDB.open(name);
      await new Promise((resolve) => request.addEventListener('success', resolve));
      const db = request.result;
      const theme = db.transaction('settings').objectStore('settings').get('theme');
      await new Promise((resolve) => theme.addEventListener('success', resolve));
      found.push([db.version, [...db.objectStoreNames], theme.result]);
      db.close();
    }
    return found;
  }, names);
  expect(kept).toEqual(names.map(() => [3, ['settings'], 'dark']));
});

test('case B13: Airflow’s own pages hear nothing of what the worker at / tells its app', async ({
  device,
  site,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const theirs = await device.context.newPage();
  await theirs.goto(`${site.url}/airflow/api/v2/version`);
  const heard = await listen(theirs);
  await device.put({ id: `${prefix}x`, site: 'A7', status: 'ok' });
  await device.settled();
  await eventually(async () => (await device.told('change')).length, 'told').toBeGreaterThan(0);
  expect(await heard()).toEqual([]);
});
