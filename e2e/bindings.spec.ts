import type { Page } from '@playwright/test';
import { serveDemo } from '../scripts/lib/serve.mjs';
import { shared, type AirflowApi } from './support/airflow.ts';
import { BindingApp, FRAMEWORKS } from './support/binding-app.ts';
import { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { portOf } from './support/lane.ts';
import { expect, test } from './support/test.ts';

/** Reads that the page has asked its worker for, by the command's name. */
const asked = (page: Page): Promise<Record<string, number>> =>
  page.evaluate(() => (window as unknown as { asked: Record<string, number> }).asked);

const noteAsked = (): void => {
  const noted: Record<string, number> = {};
  Object.assign(window, { asked: noted });
  const post: unknown = Reflect.get(ServiceWorker.prototype, 'postMessage');
  ServiceWorker.prototype.postMessage = function (this: ServiceWorker, ...args: unknown[]) {
    const name = (args[0] as { command?: { type: string } }).command?.type ?? 'other';
    noted[name] = (noted[name] ?? 0) + 1;
    Reflect.apply(post as () => void, this, args);
  };
};

/** A device of ana with the app open and its first readings shown, not signed in yet. */
async function openApp(url: string, record: string, airflow: AirflowApi): Promise<Device> {
  const device = await Device.start({ url: `${url}/?record=${record}` });
  await device.context.addInitScript(noteAsked);
  await device.context.addCookies([await airflow.cookie('ana')]);
  await device.open();
  await expect(device.page.getByTestId('connected')).toHaveText('connected');
  return device;
}

const show = (page: Page, part: string) => expect(page.getByTestId(part));
const choose = (page: Page, site: string): Promise<void> =>
  page.evaluate((name) => window.choose?.(name), site);

for (const framework of FRAMEWORKS)
  test.describe(framework, () => {
    let app: BindingApp;
    let server: { readonly url: string; readonly close: () => Promise<void> };

    test.beforeAll(async () => {
      app = await BindingApp.build(framework);
      server = await serveDemo({
        airflowUrl: shared().airflow.airflowUrl,
        dir: app.dir,
        port: portOf('bindings'),
      });
    });
    test.afterAll(async () => {
      await server.close();
      await app.dispose();
    });

    test('shows each change, conflict and error, reads once, and ends with its part', async ({
      airflow,
      newDevice,
      prefix,
    }) => {
      const id = `${prefix}followed`;
      const device = await openApp(server.url, id, airflow);
      const { page } = device;
      try {
        for (const part of ['count', 'conflicts', 'outbox', 'dead-letters'])
          await show(page, part).toHaveText('0');
        await show(page, 'record').toHaveText('none');
        await show(page, 'status').toHaveText('0 unsent');
        expect(await asked(page), 'each is read once').toMatchObject({
          query: 1,
          get: 1,
          conflicts: 1,
          outbox: 1,
          'dead-letters': 1,
        });

        await page.evaluate(() => client().signIn({ cookie: true }));
        await eventually(async () => (await device.status()).ready, 'the first pull').toBe(true);
        await choose(page, prefix);
        await show(page, 'count').toHaveText('0');
        await device.put({ id, site: prefix, status: 'ok' });
        await show(page, 'rows').toHaveText(`${id} ok synced`);
        await show(page, 'record').toHaveText('ok');

        await choose(page, '?');
        await show(page, 'query-error').toHaveText('unknown-index');
        await choose(page, prefix);
        await show(page, 'query-error').toHaveText('');
        await show(page, 'count').toHaveText('1');

        await device.setOffline(true);
        await device.patch(id, { status: 'watch' });
        await show(page, 'rows').toHaveText(`${id} watch local`);
        await show(page, 'outbox').toHaveText('1');
        await show(page, 'status').toHaveText('1 unsent');
        const other = await newDevice();
        await other.openSignedIn('ben');
        await other.patch(id, { status: 'fail' });
        await other.settled();
        await device.setOffline(false);
        await device.sync();
        await show(page, 'conflicts').toHaveText('1');
        await show(page, 'rows').toHaveText(`${id} watch conflict`);
        const [conflict] = await device.conflicts();
        if (!conflict) throw new Error('There is no conflict to resolve.');
        await device.resolve(conflict, { status: { take: 'theirs' } });
        for (const part of ['conflicts', 'outbox']) await show(page, part).toHaveText('0');
        await show(page, 'record').toHaveText('fail');

        await page.evaluate(() => window.toggle?.());
        await expect(page.locator('#hidden')).toBeVisible();
        const before = await asked(page);
        await device.patch(id, { status: 'ok' });
        await page.evaluate(() => client().whenSettled());
        const after = await asked(page);
        for (const read of ['query', 'get', 'conflicts', 'outbox', 'dead-letters'])
          expect([read, after[read]], 'a part that is gone reads no more').toEqual([
            read,
            before[read],
          ]);
        await page.evaluate(() => window.toggle?.());
        await choose(page, prefix);
        await show(page, 'rows').toHaveText(`${id} ok synced`);

        await page.evaluate(() => client().signOut({ unsent: 'discard' }));
        for (const part of ['count', 'conflicts', 'outbox', 'record', 'status'])
          await show(page, part).toHaveText('not read');
        await show(page, 'rows').toHaveText('');

        await page.goto(`${server.url}/?worker=/nowhere/sw.js`);
        await show(page, 'connected').toHaveText('no-service-worker');
      } finally {
        await device.dispose();
      }
    });

    test('renders on a server, where nothing is read', async () => {
      const html = await app.renderOnServer();
      expect(html.match(/not read/g), html).toHaveLength(6);
    });
  });
