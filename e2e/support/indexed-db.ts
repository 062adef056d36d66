import type { Page } from '@playwright/test';

/** A row of an IndexedDB store. */
export interface IdbRow {
  readonly database: string;
  readonly store: string;
  readonly json: string;
}

/**
 * Returns every row of every database of the page's origin, as text: bytes as characters,
 * non-extractable keys as their names.
 */
export function allRows(page: Page): Promise<IdbRow[]> {
  return page.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.addEventListener('success', () => resolve(request.result));
        request.addEventListener('error', () => reject(new Error(String(request.error))));
      });
    const readable = (_key: string, value: unknown): unknown => {
      if (value instanceof ArrayBuffer) return new TextDecoder('latin1').decode(value);
      if (ArrayBuffer.isView(value)) return new TextDecoder('latin1').decode(value);
      if (value instanceof CryptoKey) return `CryptoKey, extractable: ${value.extractable}`;
      return value;
    };
    const rows: IdbRow[] = [];
    for (const { name = '' } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name));
      for (const store of database.objectStoreNames) {
        const all = await done<unknown[]>(database.transaction(store).objectStore(store).getAll());
        rows.push(
          ...all.map((row) => ({ database: name, store, json: JSON.stringify(row, readable) })),
        );
      }
      database.close();
    }
    return rows;
  });
}

/** Puts a row into a new database, for a search to find. */
export function plantRow(page: Page, value: string): Promise<void> {
  return page.evaluate(
    (text) =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open('planted', 1);
        request.addEventListener('upgradeneeded', () =>
          request.result
            .createObjectStore('rows')
            .add({ deep: [new TextEncoder().encode(text)] }, 1),
        );
        request.addEventListener('success', () => resolve(request.result.close()));
        request.addEventListener('error', () => reject(new Error(String(request.error))));
      }),
    value,
  );
}
