import type { Table } from 'dexie';
import type { Indexes } from './indexes.ts';
import { validRows } from './quarantine.ts';
import type { CacheView } from './read-cache.ts';
import type { CorruptRow, StoredRecord } from './rows.ts';

/** Sorts after every id: in IndexedDB's order arrays come after texts. */
const AFTER_TEXTS: unknown = [];

/** The rows of records and the indexes in force, inside one transaction. */
export interface IndexedRows {
  readonly records: Table<StoredRecord, [collection: string, id: string]>;
  readonly indexes: Indexes;
  readonly view: CacheView;
  readonly corrupt: CorruptRow[];
}

/** Whether every row of the collection has the keys that the declarations ask for. */
export async function isIndexed(
  { view, indexes }: IndexedRows,
  collection: string,
): Promise<boolean> {
  await view.cached();
  return view.keys.isWhole(indexes, collection);
}

/**
 * Makes the keys of at most `rowsMax` rows anew; resolves to whether no row is left. The place is
 * stored, so that the next worker goes on after a kill.
 */
export async function indexAnew(rows: IndexedRows, rowsMax: number): Promise<boolean> {
  const { records, indexes, view } = rows;
  await view.cached();
  const { keys } = view;
  let left = rowsMax;
  for (const collection of indexes.collections) {
    if (keys.isWhole(indexes, collection)) continue;
    const slice = await records
      .where('[collection+id]')
      .between(
        [collection, keys.madeUpTo(indexes, collection)],
        [collection, AFTER_TEXTS],
        false,
        false,
      )
      .limit(left)
      .toArray();
    await putKeys(rows, slice);
    keys.madeAnew(indexes, collection, slice.length < left ? undefined : slice.at(-1)?.id);
    view.wrote();
    left -= slice.length;
    if (left === 0) return false;
  }
  return true;
}

/** Changes the index keys of rows, and nothing else. Corrupt rows stay as found. */
async function putKeys(
  { records, indexes, corrupt }: IndexedRows,
  slice: readonly StoredRecord[],
): Promise<void> {
  const changed = validRows('records', slice, corrupt).flatMap((row) => {
    const ix = indexes.keysOf(row);
    return JSON.stringify(ix) === JSON.stringify(row.ix) ? [] : [{ ...row, ix }];
  });
  await records.bulkPut(changed);
}
