import type { Table } from 'dexie';
import type { HistoryEntry, HistoryFact, HistoryFilter } from '../../shared/history.ts';
import { sound, type Poisoned } from './quarantine.ts';
import type { Writes } from './writes.ts';

export type HistoryTable = Table<HistoryEntry, number>;

/** Entries; the oldest go first. About 200 bytes each. */
export const HISTORY_KEPT_MAX = 2_000;

export type Dated = HistoryFact & { readonly at: number };

/** Appends after the last one's number, and forgets what is too old to be kept. */
export function appendHistory(table: HistoryTable, last: number, facts: readonly Dated[], writes: Writes): void {
  writes.add(table.bulkPut(facts.map((fact, index) => ({ ...fact, seq: last + 1 + index }))));
  const old = last + facts.length - HISTORY_KEPT_MAX;
  if (old > 0) writes.add(table.where('seq').belowOrEqual(old).delete());
}

/** The entries asked for, the newest first. */
export async function readHistory(
  table: HistoryTable,
  { kinds, since = Number.NEGATIVE_INFINITY, limit = HISTORY_KEPT_MAX }: HistoryFilter,
  poisoned: Poisoned[],
): Promise<HistoryEntry[]> {
  const wanted = kinds && new Set<string>(kinds);
  const found = table
    .orderBy('seq')
    .reverse()
    .filter((entry) => sound('history', [entry], poisoned).some(({ kind, at }) => at >= since && (!wanted || wanted.has(kind))));
  return found.limit(limit).toArray();
}
