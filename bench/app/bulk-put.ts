/** The rows of the replica's record table, and the table's schema. */
export interface Rows {
  readonly rows: readonly unknown[];
  readonly keyPath: string | string[] | null;
  readonly indexes: readonly {
    readonly name: string;
    readonly keyPath: string | string[];
    readonly multiEntry: boolean;
  }[];
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed.'));
  });
}

/** Returns the stored records of this user's replica, read past the engine. */
export async function settledRows(user: string): Promise<Rows> {
  const database = await done(indexedDB.open(`updraft@/ ${user}`));
  const store = database.transaction('records').objectStore('records');
  const indexes = [...store.indexNames]
    .map((name) => store.index(name))
    .map(({ name, keyPath, multiEntry }) => ({ name, keyPath, multiEntry }));
  const rows = await done(store.getAll());
  database.close();
  return { rows, keyPath: store.keyPath, indexes };
}

/** Milliseconds of a strict transaction that puts all rows, without Dexie, into an empty store. */
export async function bulkPut(
  { rows, keyPath, indexes }: Rows,
  isIndexed: boolean,
): Promise<number> {
  await done(indexedDB.deleteDatabase('raw'));
  const opening = indexedDB.open('raw', 1);
  opening.onupgradeneeded = () => {
    const made = opening.result.createObjectStore('rows', { keyPath });
    if (isIndexed)
      for (const { name, keyPath: path, multiEntry } of indexes)
        made.createIndex(name, path, { multiEntry });
  };
  const database = await done(opening);
  const begun = performance.now();
  const transaction = database.transaction('rows', 'readwrite', { durability: 'strict' });
  const store = transaction.objectStore('rows');
  for (const row of rows) store.put(row);
  await new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () =>
      reject(transaction.error ?? new Error('The transaction was aborted.'));
  });
  const took = performance.now() - begun;
  database.close();
  return took;
}
