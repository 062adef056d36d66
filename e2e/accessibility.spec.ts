import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, test } from './support/test.ts';

type View = readonly [size: 'phone' | 'desktop', theme: 'light' | 'dark'];

const SIZES = {
  phone: { width: 390, height: 844 },
  desktop: { width: 1280, height: 800 },
} as const;
/** Each size and each theme, in two views. */
const TWO: readonly View[] = [
  ['phone', 'dark'],
  ['desktop', 'light'],
];
const ALL: readonly View[] = [...TWO, ['phone', 'light'], ['desktop', 'dark']];

/** Returns axe's findings on the present page: a line per element. */
async function findings(page: Page, screen: string, views = TWO): Promise<string[]> {
  const found: string[] = [];
  for (const [size, colorScheme] of views) {
    await page.setViewportSize(SIZES[size]);
    // Without transitions: in the middle of a transition no colour is final.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page }).analyze();
    for (const { id, nodes } of violations)
      for (const { target, failureSummary } of nodes)
        found.push(
          `${screen}, ${size}, ${colorScheme}: ${id}, ${target.join(' ')}: ${failureSummary}`,
        );
  }
  return found;
}

test('axe finds no barrier on any main screen, on phone and desktop, light and dark', async ({
  device,
  newDevice,
  prefix,
}) => {
  const page = await device.open();
  await expect(page.getByTestId('sign-in')).toBeVisible();
  const found = await findings(page, 'sign-in');

  await device.signIn('ana');
  await expect(page.getByTestId('all-sent')).toBeVisible();
  found.push(...(await findings(page, 'empty')));

  const [scored, unknown, both] = [`${prefix}scored`, `${prefix}unknown`, `${prefix}both`];
  await device.put({
    id: scored,
    site: 'A7',
    status: 'fail',
    reading: 612,
    note: 'Oil under lift 2.',
    score: 20,
    outcome: 'follow-up needed',
  });
  await device.put({
    id: unknown,
    site: 'Z9',
    status: 'watch',
    outcome: 'rejected by validation: site unknown',
  });
  await device.put({ id: both, site: 'B2', status: 'ok', score: 100, outcome: 'ok' });
  await page.evaluate(
    async ({ open, done }) => {
      await client()
        .collection('tasks')
        .put({ id: open, site: 'A7', title: 'Visit A7 again', done: false });
      await client()
        .collection('tasks')
        .put({ id: done, site: 'B2', title: 'Visit B2 again', done: true });
    },
    { open: scored, done: both },
  );
  await device.settled();
  const other = await newDevice();
  await other.openSignedIn('ben');
  await device.setOffline(true);
  await other.patch(both, { status: 'fail' });
  await other.settled();
  await device.patch(both, { status: 'watch' });
  await device.setOffline(false);
  await device.sync();
  await expect(page.getByTestId(`conflict-${both}`)).toBeVisible();
  await expect(page.getByTestId(`outcome-${unknown}`)).toBeVisible();
  found.push(...(await findings(page, 'records, follow-ups and a conflict', ALL)));

  await page.getByTestId('simulate-offline').check();
  await page.getByTestId(`task-done-${scored}`).check();
  await expect(page.getByTestId('offline-banner')).toBeVisible();
  await page.getByTestId('save').click();
  await expect(page.getByText('Choose a site.')).toBeVisible();
  found.push(...(await findings(page, 'offline, with a mistake in the form')));
  await page.getByTestId('keep-unfinished').click();
  await expect(page.locator('[data-state="draft"]').first()).toBeVisible();
  found.push(...(await findings(page, 'an inspection kept unfinished')));

  await page.getByTestId(`edit-${scored}`).click();
  await expect(page.getByTestId('edit-form')).toBeVisible();
  found.push(...(await findings(page, 'edit')));
  await page.keyboard.press('Escape');
  await page.getByTestId('account').click();
  await expect(page.getByTestId('switch-user')).toBeVisible();
  found.push(...(await findings(page, 'account')));
  expect(found).toEqual([]);
});
