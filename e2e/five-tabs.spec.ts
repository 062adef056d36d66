import { Ledger } from './support/capture-stream.ts';
import { batchesOf, expectNothingLostOrDoubled } from './support/nothing-lost.ts';
import { randomOf, seedOf } from './support/random.ts';
import { expect, test } from './support/test.ts';
import { Tabs } from './support/tabs.ts';

const STEPS = Number(process.env['UPDRAFT_TAB_STEPS'] ?? 50);
const seed = seedOf();
const again =
  `Again: UPDRAFT_SEED=${seed} UPDRAFT_TAB_STEPS=${STEPS} npm run ` +
  'test:e2e -- --project=plugin five-tabs';

test(`fault 17: five tabs in ${STEPS} random steps: none lost or doubled (seed ${seed})`, async ({
  device,
  site,
  store,
  prefix,
}) => {
  test.setTimeout(180_000 + STEPS * 3_000);
  const batches = batchesOf(site.wire);
  const ledger = new Ledger();
  await device.openSignedIn('ana', { keep: true });
  const before = await store.writes();
  const tabs = await Tabs.open(device, { ledger, prefix, random: randomOf(seed) });
  await tabs.play(STEPS);
  await device.syncUntilSettled();
  expect((await store.writes()) - before, `revisions taken. ${again}`).toBe(
    [...batches.values()].reduce((sum, count) => sum + count, 0),
  );
  await expectNothingLostOrDoubled(device, store, ledger, prefix);
  expect(device.context.serviceWorkers(), 'one worker for all').toHaveLength(1);

  const stored = (await store.records(prefix)).map(({ id, fields }) => ({
    id,
    state: 'synced',
    value: { ...fields, id },
  }));
  expect(
    stored
      .map(({ value }) => (value as { note?: string }).note)
      .filter((note) => note !== undefined && !tabs.notes.has(note)),
  ).toEqual([]);
  expect(tabs.pages).toHaveLength(5);
  for (const page of tabs.pages) {
    const shown = await page.evaluate(async (start) => {
      const rows = await client().collection('inspections').query({ limit: 100_000 });
      return rows
        .filter(({ id }) => id.startsWith(start))
        .map(({ id, state, value }) => ({ id, state, value }));
    }, prefix);
    expect(shown, `what a tab shows. ${again}`).toEqual(stored);
  }
  test.info().annotations.push({
    type: 'captures',
    description: `${ledger.begun.size} records, ${batches.size} batches`,
  });
});
