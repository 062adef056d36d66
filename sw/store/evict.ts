import { recordKey } from '../record/record-key.ts';
import type { StoredRecord, Tables } from './rows.ts';

/** Records evicted in one step when the browser has no room. */
const EVICTED_AT_ONCE = 500;

/**
 * Evicts records that only copy data of Airflow, never unsent work. Returns how many were evicted.
 * The mark that the replica is whole is removed in the same transaction, which only deletes: the
 * browser allows that on a full disk. `spared`: the records that the failed transaction touched.
 */
export async function evict(
  { records, whole }: Tables,
  spared: ReadonlySet<string>,
): Promise<number> {
  const isClean = ({ pending, sealed, mark, rejection, collection, id }: StoredRecord): boolean =>
    !pending && !sealed && !mark && !rejection && !spared.has(recordKey({ collection, id }));
  const keys = await records.toCollection().filter(isClean).limit(EVICTED_AT_ONCE).primaryKeys();
  if (keys.length === 0) return 0;
  await whole.delete('whole');
  await records.bulkDelete(keys);
  return keys.length;
}
