/** IndexedDB without any library: a single object store, keyed by `id`. */
export interface RawStore {
  /** Puts all documents in a single strict transaction; resolves after the commit. */
  readonly put: (documents: readonly unknown[]) => Promise<void>;
  readonly count: () => Promise<number>;
}

export async function openRawStore(name: string): Promise<RawStore> {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore('documents', { keyPath: 'id' });
  };
  const database = await done(opening);
  return {
    put: (documents) =>
      new Promise((resolve, reject) => {
        const transaction = database.transaction('documents', 'readwrite', {
          durability: 'strict',
        });
        const store = transaction.objectStore('documents');
        for (const document of documents) store.put(document);
        transaction.oncomplete = () => resolve();
        transaction.onabort = () =>
          reject(transaction.error ?? new Error('The transaction was aborted.'));
      }),
    count: () => done(database.transaction('documents').objectStore('documents').count()),
  };
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed.'));
  });
}
