import type { Page } from '@playwright/test';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { allRows } from './support/indexed-db.ts';
import { expect, test } from './support/test.ts';

/** Everything of the origin that a script could read: databases, caches, local storage. */
async function everythingStored(page: Page): Promise<string> {
  const rows = await allRows(page);
  const rest = await page.evaluate(async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith('updraft:'));
    const bodies = await Promise.all(
      names.map(async (name) => {
        const cache = await caches.open(name);
        return Promise.all((await cache.keys()).map(async (request) => (await cache.match(request))?.text()));
      }),
    );
    return JSON.stringify([names, bodies, Object.entries(localStorage), Object.entries(sessionStorage)]);
  });
  return JSON.stringify(rows) + rest;
}

/** Three tabs of the app, signed in, each showing the record. */
async function threeTabs(device: Device, secret: string): Promise<Page[]> {
  const others = await Promise.all([1, 2].map(() => device.context.newPage()));
  for (const page of others) await page.goto(device.url);
  const pages = [device.page, ...others];
  for (const page of pages) await expect(page.getByText(secret).first()).toBeVisible();
  return pages;
}

test('fault 38: a sign-out with three tabs open leaves nothing of the user that the browser can read, in under 2 s', async ({ device, prefix }) => {
  await device.openSignedIn('ana');
  const secret = `${prefix}of Ana alone`;
  await device.put({ id: `${prefix}sent`, site: 'A7', status: 'ok', note: secret });
  await device.settled();
  await device.setOffline(true);
  await device.put({ id: `${prefix}unsent`, site: 'A7', status: 'ok', note: secret });
  const pages = await threeTabs(device, secret);
  expect(await everythingStored(device.page)).toContain(secret);

  const began = Date.now();
  await device.page.evaluate(() => client().signOut({ unsent: 'discard' }));
  for (const page of pages) await expect(page.getByText(secret)).toHaveCount(0, { timeout: 2_000 });
  const stored = await everythingStored(device.page);
  expect(Date.now() - began).toBeLessThan(2_000);
  expect(stored).not.toContain(secret);
  expect(stored).not.toContain(prefix);
});

test('fault 38: unsent work that is kept at a sign-out is read and sent by nobody else, and by its user after the next sign-in', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const { replicaId } = await device.status();
  const secret = `${prefix}of Ana alone`;
  await device.put({ id: `${prefix}sent`, site: 'A7', status: 'ok', note: secret });
  await device.settled();
  await device.setOffline(true);
  await device.put({ id: `${prefix}unsent`, site: 'A7', status: 'ok', note: secret });
  const pages = await threeTabs(device, secret);
  await device.page.evaluate(() => client().signOut({ unsent: 'keep' }));
  for (const page of pages) await expect(page.getByText(secret)).toHaveCount(0, { timeout: 2_000 });
  expect(await device.rows(prefix)).toEqual([]);
  expect(await device.outbox()).toEqual([]);
  expect(await device.status()).toMatchObject({ unsent: 1, locked: true, auth: 'required' });
  await device.context.clearCookies();

  // Somebody else works here: their own replica, and nothing of Ana's.
  for (const page of pages.slice(1)) await page.close();
  await device.setOffline(false);
  await device.page.evaluate(() => localStorage.setItem('demo.user', 'ben'));
  await device.reload();
  await device.signIn('ben');
  await eventually(async () => (await device.status()).ready, 'Ben’s first pull').toBe(true);
  await device.sync();
  expect((await device.rows(prefix)).map(({ id }) => id)).toEqual([`${prefix}sent`]);
  expect(await store.record(`${prefix}unsent`)).toBeUndefined();

  await device.page.evaluate(() => localStorage.setItem('demo.user', 'ana'));
  await device.reload();
  expect(await device.rows(prefix)).toEqual([]);
  await device.signIn('ana');
  await device.syncUntilSettled();
  expect(await store.record(`${prefix}unsent`)).toMatchObject({ updated_by: 'ana' });
  expect(await store.ledger(replicaId)).toMatchObject({ user: 'ana' });
  expect((await device.rows(prefix)).map(({ id }) => id)).toEqual([`${prefix}sent`, `${prefix}unsent`]);
});
