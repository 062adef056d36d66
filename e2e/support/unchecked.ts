import type { Page } from '@playwright/test';

/** Names a record with an unsent change on the page's device. */
export interface Unsent {
  readonly collection: string;
  readonly id: string;
  readonly user: string;
}

/**
 * Writes fields into an unsent change past the worker's checks: the row is then as an older worker,
 * which did not check them, has left it.
 */
export function writeUnchecked(
  page: Page,
  record: Unsent,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  return page.evaluate(
    async ({ record: { collection, id, user }, fields: added }) => {
      const done = <T>(request: IDBRequest<T>): Promise<T> =>
        new Promise((resolve, reject) => {
          request.addEventListener('success', () => resolve(request.result));
          request.addEventListener('error', () => reject(new Error(String(request.error))));
        });
      const name = (await indexedDB.databases())
        .map((one) => one.name ?? '')
        .find((one) => one.startsWith('updraft@') && one.endsWith(` ${user}`));
      const database = await done(indexedDB.open(name ?? 'none'));
      const records = database.transaction('records', 'readwrite').objectStore('records');
      const row = (await done(records.get([collection, id]))) as {
        value: object;
        pending: { net: { set: object } };
      };
      row.pending.net.set = { ...row.pending.net.set, ...added };
      await done(records.put({ ...row, value: { ...row.value, ...added } }));
      database.close();
    },
    { record, fields },
  );
}
