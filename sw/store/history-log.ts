import type { Table } from 'dexie';
import type { HistoryEntry, HistoryFact, HistoryFilter } from '../../shared/history.ts';

/** `seq` is given by the database. */
export type HistoryTable = Table<HistoryEntry, number, HistoryFact & { readonly at: number }>;

/** Entries; the oldest go first. About 200 bytes each. */
export const HISTORY_KEPT_MAX = 2_000;

/** Appends, and forgets what is too old to be kept. */
export async function appendHistory(table: HistoryTable, at: number, facts: readonly HistoryFact[]): Promise<void> {
  if (facts.length === 0) return;
  const last = await table.bulkAdd(facts.map((fact) => ({ ...fact, at })));
  await table
    .where('seq')
    .belowOrEqual(last - HISTORY_KEPT_MAX)
    .delete();
}

/** The entries asked for, the newest first. */
export async function readHistory(
  table: HistoryTable,
  { kinds, since = Number.NEGATIVE_INFINITY, limit = HISTORY_KEPT_MAX }: HistoryFilter,
): Promise<HistoryEntry[]> {
  const wanted = kinds && new Set<string>(kinds);
  return table
    .orderBy('seq')
    .reverse()
    .filter(({ kind, at }) => at >= since && (!wanted || wanted.has(kind)))
    .limit(limit)
    .toArray();
}
