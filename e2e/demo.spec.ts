import type { Page } from '@playwright/test';
import type { Inspection } from '../demo/src/collections.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

/** Fills in the form as a person does. Returns the id the app gave the record. */
async function capture(
  device: Device,
  { site, status, note }: Pick<Inspection, 'site' | 'status'> & { note: string },
): Promise<string> {
  const { page } = device;
  await page.getByTestId('site').fill(site);
  await page.getByTestId(`status-${status}`).check();
  await page.getByTestId('note').fill(note);
  await page.getByTestId('save').click();
  await expect(page.getByTestId('saved')).toContainText('Saved on this device');
  const find = async (): Promise<string | undefined> =>
    (await device.rows('')).find(({ value }) => value.note === note)?.id;
  await eventually(find, 'the captured record').toBeDefined();
  return (await find()) ?? '';
}

const row = (page: Page, id: string) => page.getByTestId(`row-${id}`);

test('a person captures, and follows each record to Airflow and to its DAG run', async ({
  device,
  store,
  via,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const { page } = device;
  // The form knows the rules: a record that Airflow would reject is refused at once.
  await page.getByTestId('save').click();
  await expect(page.getByText('Choose a site.')).toBeVisible();
  await expect(page.getByText('Choose how it looks.')).toBeVisible();
  expect(await device.rows(prefix)).toEqual([]);
  // Sites come from Airflow: the form finds a site by name.
  await page.getByTestId('site').fill('harbour');
  await page
    .getByRole('listbox', { name: 'Sites' })
    .getByRole('option', { name: /Harbour cold store/ })
    .click();
  await expect(page.getByTestId('site')).toHaveValue('A7 · Harbour cold store');

  const id = await capture(device, { site: 'A7', status: 'watch', note: `${prefix}form` });
  await expect(row(page, id)).toContainText('Harbour cold store');
  await expect(row(page, id)).toHaveAttribute('data-state', 'synced');
  await expect(row(page, id)).toContainText('In Airflow');
  await expect(page.getByTestId('all-sent')).toBeVisible();
  expect((await store.record(id))?.fields).toMatchObject({
    site: 'A7',
    status: 'watch',
    note: `${prefix}form`,
  });

  if (via === 'plugin')
    return expect(page.getByTestId(`run-${id}`), 'there is no run to open').toHaveCount(0);
  const opened = device.context.waitForEvent('page');
  await page.getByTestId(`run-${id}`).click();
  const run = await opened;
  await expect(run).toHaveURL(/\/airflow\/dags\/updraft_exchange\/runs\/updraft__/);
  await expect(run.getByText(/success/i).first()).toBeVisible();
});

test('with the simulated cut everything stays here, is kept, and is sent on reconnecting', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const { page } = device;
  await page.getByTestId('simulate-offline').check();
  await expect(page.getByTestId('offline-banner')).toBeVisible();
  const id = await capture(device, { site: 'B2', status: 'fail', note: `${prefix}simulated` });
  await expect(row(page, id)).toHaveAttribute('data-state', 'local');
  await expect(page.getByTestId('unsent-count')).toHaveText('1');
  await device.reload();
  await expect(page.getByTestId('offline-banner')).toBeVisible();
  await expect(row(page, id)).toHaveAttribute('data-state', 'local');
  expect(await store.record(id)).toBeUndefined();
  await page.getByTestId('reconnect').click();
  await expect(row(page, id)).toHaveAttribute('data-state', 'synced');
  await expect(page.getByTestId('offline-banner')).toHaveCount(0);
  await expect(page.getByTestId('all-sent')).toBeVisible();
  expect((await store.record(id))?.fields).toMatchObject({ note: `${prefix}simulated` });
});

test(
  'the app loads without a network and can be installed',
  { tag: '@once' },
  async ({ device }) => {
    await device.openSignedIn('ana');
    await device.reload();
    const page = await device.context.newCDPSession(device.page);
    const { installabilityErrors } = await page.send('Page.getInstallabilityErrors');
    expect(installabilityErrors).toEqual([]);
    await page.detach(); // with two sessions the next load would forget that the network is cut
    await device.setOffline(true);
    const failed: string[] = [];
    device.page.on('requestfailed', (request) => failed.push(request.url()));
    await device.reload();
    await expect(device.page.getByTestId('save')).toBeVisible();
    await expect(device.page.getByTestId('offline-banner')).toBeVisible();
    expect(failed.filter((url) => !url.includes('/airflow/'))).toEqual([]);
  },
);

test('after a first sign-in, capture works with the session over, and signing in sends it', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const { page } = device;
  await device.context.clearCookies();
  await page.evaluate(() => client().sync());
  await device.reload();
  await expect(page.getByTestId('auth-bar')).toBeVisible();
  const id = await capture(device, { site: 'C1', status: 'ok', note: `${prefix}signed out` });
  // A batch refused because of the sender waits unchanged, as sealed.
  await expect(row(page, id)).toHaveAttribute('data-state', /^(local|sending)$/);
  expect(await store.record(id)).toBeUndefined();
  await device.signIn('ana');
  await expect(row(page, id)).toHaveAttribute('data-state', 'synced');
  await expect(page.getByTestId('auth-bar')).toHaveCount(0);
  expect((await store.record(id))?.fields).toMatchObject({ note: `${prefix}signed out` });
});
