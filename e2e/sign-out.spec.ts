import type { Page } from '@playwright/test';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { allRows } from './support/indexed-db.ts';
import { expect, test } from './support/test.ts';

/** Returns everything of the origin that a script could read: databases, caches, local storage. */
async function everythingStored(page: Page): Promise<string> {
  const rows = await allRows(page);
  const rest = await page.evaluate(async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith('updraft'));
    const bodies = await Promise.all(
      names.map(async (name) => {
        const cache = await caches.open(name);
        return Promise.all(
          (await cache.keys()).map(async (request) => (await cache.match(request))?.text()),
        );
      }),
    );
    return JSON.stringify([
      names,
      bodies,
      Object.entries(localStorage),
      Object.entries(sessionStorage),
    ]);
  });
  return JSON.stringify(rows) + rest;
}

/** Opens three tabs of the app, signed in, each showing the record. */
async function threeTabs(device: Device, secret: string): Promise<Page[]> {
  const others = await Promise.all([1, 2].map(() => device.context.newPage()));
  for (const page of others) await page.goto(device.url);
  const pages = [device.page, ...others];
  for (const page of pages) await expect(page.getByText(secret).first()).toBeVisible();
  return pages;
}

test('fault 38: a sign-out with three tabs leaves nothing of the user, in under 2 s', async ({
  device,
  prefix,
}) => {
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

test('fault 38: unsent work kept at a sign-out is read and sent by its user alone', async ({
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

  // Somebody else works here: with a replica of their own, and nothing of Ana's.
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
  expect((await device.rows(prefix)).map(({ id }) => id)).toEqual([
    `${prefix}sent`,
    `${prefix}unsent`,
  ]);
});

test('case B8: fault 61: after a keeping sign-out a page captures and wipes nothing', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  await device.setOffline(true);
  await device.put({ id: `${prefix}hers`, site: 'A7', status: 'ok' });
  await device.page.evaluate(() => client().signOut({ unsent: 'keep' }));
  const refusal = (work: 'capture' | 'discard'): Promise<string> =>
    device.page.evaluate(
      async ([what, id]) => {
        const asked =
          what === 'capture'
            ? client()
                .collection('inspections')
                .put({ id, site: 'A7', status: 'ok' } as never)
            : client().signOut({ unsent: 'discard' });
        return asked.then(
          () => 'done',
          (error: { kind: string }) => error.kind,
        );
      },
      [work, `${prefix}forged`] as const,
    );
  await device.context.clearCookies();
  for (const work of ['capture', 'discard'] as const)
    expect(await refusal(work)).toBe('signed-out');
  await device.reload();
  for (const work of ['capture', 'discard'] as const)
    expect(await refusal(work)).toBe('signed-out');
  expect(await device.status()).toMatchObject({ unsent: 1, locked: true });

  await device.setOffline(false);
  await device.signIn('ana');
  await device.syncUntilSettled();
  await device.put({ id: `${prefix}after`, site: 'A7', status: 'ok' });
  await device.settled();
  expect((await store.records(prefix)).map(({ id }) => id).toSorted()).toEqual([
    `${prefix}after`,
    `${prefix}hers`,
  ]);
});
