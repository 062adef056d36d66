/** Reads and writes the rows of a user's database directly, behind the engine's back. */
async function withDatabase<T>(
  indexedDB: IDBFactory,
  user: string,
  use: (db: IDBDatabase) => Promise<T>,
): Promise<T> {
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(`updraft:${user}`);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new Error(String(request.error)));
  });
  try {
    return await use(db);
  } finally {
    db.close();
  }
}

/** Returns every row of a table. */
export function rowsOf(indexedDB: IDBFactory, user: string, table: string): Promise<object[]> {
  return withDatabase(indexedDB, user, (db) => {
    const request = db.transaction(table).objectStore(table).getAll();
    return new Promise(
      (resolve) => (request.onsuccess = () => resolve(request.result as object[])),
    );
  });
}

/**
 * Writes a row, as a script in the app's origin could; resolves to false where IndexedDB refuses
 * the row.
 */
export function writeRow(
  indexedDB: IDBFactory,
  user: string,
  table: string,
  row: object,
): Promise<boolean> {
  return withDatabase(indexedDB, user, (db) => {
    const transaction = db.transaction(table, 'readwrite');
    const done = new Promise<boolean>((resolve) => {
      transaction.oncomplete = () => resolve(true);
      transaction.onabort = () => resolve(false);
    });
    try {
      transaction.objectStore(table).put(row);
    } catch {
      transaction.abort();
    }
    return done;
  });
}
