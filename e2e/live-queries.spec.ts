import type { Page } from '@playwright/test';
import type { Inspection } from '../demo/src/collections.ts';
import type { Row } from '../client/index.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

interface Live {
  rows: readonly Row<Inspection>[];
  told: string[];
}
type LivePage = typeof window & { live: Live };

/** Watches the inspections of the page in the order of their sites; notes what is told. */
const watch = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const live: Live = ((window as unknown as LivePage).live = { rows: [], told: [] });
    client()
      .collection('inspections')
      .watch({ index: 'site', limit: 100_000 }, ({ rows, added, changed, removed }) => {
        live.rows = rows;
        live.told.push(
          ...added.map(({ id }) => `+${id}`),
          ...changed.map(({ id, state }) => `${state} ${id}`),
          ...removed.map(({ id }) => `-${id}`),
        );
      });
  });

const told = (page: Page): Promise<string[]> =>
  page.evaluate(() => (window as unknown as LivePage).live.told);

/** Whether the rows that were told last are those of a fresh query. */
const isUpToDate = (page: Page): Promise<boolean> =>
  page.evaluate(async () => {
    const fresh = await client().collection('inspections').query({ index: 'site', limit: 100_000 });
    return JSON.stringify((window as unknown as LivePage).live.rows) === JSON.stringify(fresh);
  });

test('a watched query shows changes of each tab, another device and a restarted worker', async ({
  device,
  newDevice,
  site,
  prefix,
}) => {
  await device.openSignedIn('ana', { keep: true });
  await watch(device.page);
  const other = await device.context.newPage();
  await other.goto(site.url);
  await other.waitForFunction(() => window.updraft !== undefined);
  await other.evaluate(
    async (id) =>
      void (await window.updraft?.collection('inspections').put({ id, site: 'A7', status: 'ok' })),
    `${prefix}a`,
  );
  await eventually(() => told(device.page), 'from another tab').toContain(`+${prefix}a`);
  await eventually(() => told(device.page), 'its state').toContain(`synced ${prefix}a`);

  await device.killWorker();
  await device.put({ id: `${prefix}b`, site: 'B2', status: 'ok' });
  await eventually(() => told(device.page), 'after a restart').toContain(`+${prefix}b`);

  const second = await newDevice();
  await second.openSignedIn('ana');
  await second.delete(`${prefix}a`);
  await second.put({ id: `${prefix}c`, site: 'A7', status: 'fail' });
  await eventually(() => told(device.page), 'from another device').toEqual(
    expect.arrayContaining([`-${prefix}a`, `+${prefix}c`]),
  );
  await device.syncUntilSettled();
  await eventually(() => isUpToDate(device.page), 'the rows of a fresh query').toBe(true);
  const all = await told(device.page);
  const added = all.filter((one) => one.startsWith('+'));
  expect(new Set(added).size, 'nothing was told twice').toBe(added.length);
});

test('many records are stored in one message, or none', async ({ device, prefix, store }) => {
  await device.openSignedIn('ana');
  const refused = await device.page.evaluate(async (start) => {
    const inspections = client().collection('inspections');
    const value = (id: string): Inspection => ({ id: start + id, site: 'A7', status: 'ok' });
    const receipts = await inspections.putMany(['a', 'b', 'c'].map(value));
    await Promise.all(receipts.map(({ settled }) => settled));
    return inspections
      .patchMany([
        { id: `${start}a`, set: { status: 'fail' } },
        { id: `${start}nobody`, set: { status: 'fail' } },
      ])
      .then(
        () => 'stored',
        (error: unknown) => (error as { kind: string }).kind,
      );
  }, prefix);
  expect(refused).toBe('not-found');
  const records = await store.records(prefix);
  expect(records.map(({ id, fields }) => [id, fields['status']])).toEqual(
    ['a', 'b', 'c'].map((id) => [prefix + id, 'ok']),
  );
});
