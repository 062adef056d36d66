import type { Page } from '@playwright/test';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

test('fault 82: offline, an unfinished inspection is kept, completed later, and sent', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const { page } = device;
  await device.setOffline(true);
  await page.getByTestId('note').fill(`${prefix}note`);
  await page.getByTestId('save').click();
  await expect(page.getByText('Choose a site.')).toBeVisible();
  expect(await noted(device.page, prefix), 'nothing is stored by itself').toEqual([]);
  await page.getByTestId('keep-unfinished').click();
  await eventually(() => noted(page, prefix), 'the draft').toMatchObject([{ state: 'draft' }]);

  // The browser stops the worker; the network comes back; a page is opened anew.
  await device.killWorker();
  await device.setOffline(false);
  await device.reload();
  await device.connected();
  await device.sync();
  const [draft] = await noted(page, prefix);
  expect(draft).toMatchObject({ state: 'draft', draft: { path: expect.any(String) } });
  const id = draft?.id ?? '';
  expect(await store.records(id)).toEqual([]);
  expect(await device.status()).toMatchObject({ unsent: 1, drafts: 1, deadLetters: 0 });
  const row = page.getByTestId(`row-${id}`);
  await expect(row).toHaveAttribute('data-state', 'draft');
  await expect(row).toContainText('Unfinished');
  await expect(row).toContainText('Choose a site. Choose how it looks.');

  await row.getByTestId(`edit-${id}`).click();
  await page.getByTestId('edit-site').fill('A7');
  await page.getByTestId('edit-status-watch').check({ force: true });
  await page.getByTestId('edit-save').click();
  await eventually(async () => (await device.get(id))?.state, 'sent').toBe('synced');
  expect((await store.record(id))?.fields).toMatchObject({
    site: 'A7',
    status: 'watch',
    note: `${prefix}note`,
  });
  expect((await device.status()).drafts).toBeUndefined();
});

/** The rows with this note. */
const noted = (page: Page, prefix: string) =>
  page.evaluate(
    async (note) =>
      (await client().collection('inspections').query({ limit: 10_000 })).filter(
        ({ value }) => value.note === note,
      ),
    `${prefix}note`,
  );
