import { Ledger } from './support/capture-stream.ts';
import type { Device } from './support/device.ts';
import { killBrowsers, killWorkers } from './support/kill-loop.ts';
import { randomOf, seedOf } from './support/random.ts';
import type { Store } from './support/store.ts';
import { expect, test } from './support/test.ts';
import type { Wire } from './support/wire.ts';

// `npm run soak` kills more often.
const WORKER_KILLS = Number(process.env['UPDRAFT_WORKER_KILLS'] ?? 100);
const BROWSER_KILLS = Number(process.env['UPDRAFT_BROWSER_KILLS'] ?? 5);
const seed = seedOf();
const again = `Again: UPDRAFT_SEED=${seed} UPDRAFT_WORKER_KILLS=${WORKER_KILLS} UPDRAFT_BROWSER_KILLS=${BROWSER_KILLS} npm run test:e2e -- --project=plugin kill-loop`;

/** How many mutations each batch carried that was ever sent: however often one is sent, its mutations happen once. */
function batchesOf(wire: Wire): Map<string, number> {
  const mutations = new Map<string, number>();
  wire.observeExchanges((body) => {
    const { replicaId, batch } = JSON.parse(body) as { replicaId: string; batch?: string };
    if (batch === undefined) return;
    const sent = JSON.parse(batch) as { number: number; nonce: string; mutations: unknown[] };
    mutations.set(`${replicaId} ${sent.number} ${sent.nonce}`, sent.mutations.length);
  });
  return mutations;
}

/** Nothing that was acknowledged is missing, nothing happened twice, and the device shows what the store holds. */
async function expectNothingLostOrDoubled(device: Device, store: Store, ledger: Ledger, prefix: string): Promise<void> {
  const stored = new Map((await store.records(prefix)).map((record) => [record.id, record]));
  const lost = [...ledger.acknowledged.keys()].filter((id) => !stored.has(id));
  expect(lost, 'acknowledged, and not in the store').toEqual([]);
  expect(
    [...stored.keys()].filter((id) => !ledger.begun.has(id)),
    'in the store, and never captured',
  ).toEqual([]);
  const doubled = ledger.created.filter((id) => stored.has(id) && stored.get(id)?.revision !== stored.get(id)?.created);
  expect(doubled, 'new records that were written more than once').toEqual([]);
  const wrongSums = [...ledger.begun].filter(([id, begun]) => {
    const sum = BigInt(Number(stored.get(id)?.fields['visits'] ?? 0));
    const acknowledged = BigInt(ledger.acknowledged.get(id) ?? 0);
    // All acknowledged powers of two are in the sum, and none that was never asked for.
    return (sum & acknowledged) !== acknowledged || (sum | BigInt(begun)) !== BigInt(begun);
  });
  expect(wrongSums, 'counters with an increment lost or doubled').toEqual([]);
  const rows = await device.rows(prefix);
  expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['synced']));
  expect(rows.map(({ id, value }) => [id, value.visits])).toEqual([...stored.values()].map(({ id, fields }) => [id, fields['visits']]));
}

test(`faults 1–4: ${WORKER_KILLS} workers killed at random moments under a stream of captures, none lost, none doubled (seed ${seed})`, async ({
  device,
  site,
  store,
  prefix,
}) => {
  test.setTimeout(60_000 + WORKER_KILLS * 1_500);
  const batches = batchesOf(site.wire);
  await device.openSignedIn('ana', { keep: true });
  const before = await store.revision();
  const ledger = new Ledger();
  await killWorkers(device, WORKER_KILLS, { ledger, prefix, random: randomOf(seed) });
  await device.syncUntilSettled(120_000);
  expect((await store.revision()) - before, `revisions taken. ${again}`).toBe([...batches.values()].reduce((sum, count) => sum + count, 0));
  await expectNothingLostOrDoubled(device, store, ledger, prefix);
  test.info().annotations.push({ type: 'captures', description: `${ledger.begun.size} records, ${batches.size} batches` });
});

test(`fault 5: the browser killed ${BROWSER_KILLS} times under a stream of captures, nothing acknowledged lost, none doubled (seed ${seed})`, async ({
  device,
  newDevice,
  site,
  store,
  prefix,
}) => {
  test.setTimeout(60_000 + BROWSER_KILLS * 15_000);
  const batches = batchesOf(site.wire);
  await device.openSignedIn('ana', { keep: true });
  const before = await store.revision();
  const ledger = new Ledger();
  const last = await killBrowsers(device, BROWSER_KILLS, (profile) => newDevice({ profile }), { ledger, prefix, random: randomOf(seed) });
  await last.syncUntilSettled(120_000);
  expect((await store.revision()) - before, `revisions taken. ${again}`).toBe([...batches.values()].reduce((sum, count) => sum + count, 0));
  await expectNothingLostOrDoubled(last, store, ledger, prefix);
  test.info().annotations.push({ type: 'captures', description: `${ledger.begun.size} records, ${batches.size} batches` });
});
