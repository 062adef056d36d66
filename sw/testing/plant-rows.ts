/** For tests: writes rows behind the engine's back, as a script in the app's origin could. */
export async function plantRows(
  indexedDB: IDBFactory,
  user: string,
  table: string,
  rows: readonly object[],
): Promise<void> {
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(`updraft:${user}`);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () =>
      reject(new Error(`The database of ${user} could not be opened: ${String(request.error)}`));
  });
  const transaction = db.transaction(table, 'readwrite');
  for (const row of rows) transaction.objectStore(table).put(row);
  await new Promise((resolve) => (transaction.oncomplete = resolve));
  db.close();
}
