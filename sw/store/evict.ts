import type { StoredRecord, Tables } from './database.ts';

/** Records let go at a time, when the browser has no room. */
const EVICTED_AT_ONCE = 500;

/**
 * Lets go of records that only copy what Airflow has; never of what waits here. Says so by taking away the mark that the replica is whole, in the same
 * transaction: one that only deletes is allowed on a full disk. Returns how many went. `spared`: what the failed transaction was about.
 */
export async function evict({ records, whole }: Tables, spared: ReadonlySet<string>): Promise<number> {
  const isClean = ({ pending, sealed, mark, rejection, collection, id }: StoredRecord): boolean =>
    !pending && !sealed && !mark && !rejection && !spared.has(`${collection}\n${id}`);
  const keys = await records.toCollection().filter(isClean).limit(EVICTED_AT_ONCE).primaryKeys();
  if (keys.length === 0) return 0;
  await whole.delete('whole');
  await records.bulkDelete(keys);
  return keys.length;
}
