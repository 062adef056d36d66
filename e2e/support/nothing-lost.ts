import type { Device } from './device.ts';
import { expect } from '@playwright/test';
import type { Ledger } from './capture-stream.ts';
import type { Store } from './store.ts';
import type { Wire } from './wire.ts';

/**
 * Counts the mutations of each batch ever sent: however often a batch is sent, each mutation
 * happens once.
 */
export function batchesOf(wire: Wire): Map<string, number> {
  const mutations = new Map<string, number>();
  wire.observeExchanges((body) => {
    const { replicaId, batch } = JSON.parse(body) as { replicaId: string; batch?: string };
    if (batch === undefined) return;
    const sent = JSON.parse(batch) as { number: number; nonce: string; mutations: unknown[] };
    mutations.set(`${replicaId} ${sent.number} ${sent.nonce}`, sent.mutations.length);
  });
  return mutations;
}

/**
 * Expects that no acknowledged capture is missing, none happened twice, and the device shows the
 * store's records.
 */
export async function expectNothingLostOrDoubled(
  device: Device,
  store: Store,
  ledger: Ledger,
  prefix: string,
): Promise<void> {
  const stored = new Map((await store.records(prefix)).map((record) => [record.id, record]));
  const lost = [...ledger.acknowledged.keys()].filter((id) => !stored.has(id));
  expect(lost, 'acknowledged, and not in the store').toEqual([]);
  expect(
    [...stored.keys()].filter((id) => !ledger.begun.has(id)),
    'in the store, and never captured',
  ).toEqual([]);
  const doubled = ledger.created.filter(
    (id) => stored.has(id) && stored.get(id)?.revision !== stored.get(id)?.created,
  );
  expect(doubled, 'new records that were written more than once').toEqual([]);
  const wrongSums = [...ledger.begun].filter(([id, begun]) => {
    const sum = BigInt(Number(stored.get(id)?.fields['visits'] ?? 0));
    const acknowledged = BigInt(ledger.acknowledged.get(id) ?? 0);
    // All acknowledged powers of two are in the sum, and no power that was never requested.
    return (sum & acknowledged) !== acknowledged || (sum | BigInt(begun)) !== BigInt(begun);
  });
  expect(wrongSums, 'counters with an increment lost or doubled').toEqual([]);
  const rows = await device.rows(prefix);
  expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['synced']));
  expect(rows.map(({ id, value }) => [id, value.visits])).toEqual(
    [...stored.values()].map(({ id, fields }) => [id, fields['visits']]),
  );
}
