import { Dexie } from 'dexie';
import { blockedError } from './store-errors.ts';

/** After this wait another connection is assumed to keep the database. */
const WAIT_MAX_MS = 4_000;
/** Tables, with their keys, that every version of a replica's database has. */
const SIGNATURE = {
  records: 'collection,id',
  deliveries: 'deliveryId',
  replica: 'key',
  requests: 'requestId',
} as const;

/**
 * The contents of a database. `app` and `user` own the replica; a replica from before apps had
 * names has no app yet.
 */
export type DatabaseContents =
  | { readonly kind: 'replica'; readonly user: string; readonly app: string | undefined }
  | { readonly kind: 'empty' } // no table, or Updraft's tables without a replica
  | { readonly kind: 'foreign' };

/**
 * Inspects a database without requesting a version, so that another script's database is neither
 * upgraded nor changed. Resolves to undefined where no database has that name. Rejects with
 * `storage-blocked` where another connection keeps the database from being opened.
 */
export async function inspect(
  name: string,
  factory: IDBFactory = indexedDB,
): Promise<DatabaseContents | undefined> {
  if (!(await isOpenable(name, factory))) return undefined;
  return askAgain(() => look(name, factory));
}

/**
 * Chromium fails the first request about an origin with damaged files, and gives an empty database
 * to the next. Dexie tries as often.
 */
const TRIES_MAX = 3;

async function askAgain<T>(ask: () => Promise<T>): Promise<T> {
  for (let left = TRIES_MAX - 1; ; left--)
    try {
      return await ask();
    } catch (error) {
      if (left === 0 || (error as Partial<Error> | null)?.name !== 'UnknownError') throw error;
    }
}

/** Returns the databases of the origin, or undefined where the browser cannot list databases. */
export const listDatabases = (factory: IDBFactory): Promise<IDBDatabaseInfo[] | undefined> =>
  askAgain(async () => factory.databases?.());

/** Returns the names of the origin's databases, as far as the browser or Dexie knows. */
export async function databaseNames(factory: IDBFactory): Promise<string[]> {
  // Firefox lists databases since version 126. Dexie remembers the names of its own databases.
  const known = await listDatabases(factory);
  return known ? known.flatMap(({ name }) => name ?? []) : Dexie.getDatabaseNames();
}

async function look(name: string, factory: IDBFactory): Promise<DatabaseContents | undefined> {
  const db = await openAsItIs(name, factory);
  if (!db) return undefined;
  // Yields to another connection that wants to delete or upgrade the database.
  db.onversionchange = () => db.close();
  try {
    return await contentsOf(db);
  } finally {
    db.close();
  }
}

/**
 * Returns false where no database has that name. A browser that cannot list databases counts as
 * true.
 */
export async function isOpenable(name: string, factory: IDBFactory): Promise<boolean> {
  const known = await listDatabases(factory);
  return known === undefined || known.some((one) => one.name === name);
}

/**
 * Opens a database without requesting a version. Resolves to undefined where no database has that
 * name.
 */
export function openAsItIs(name: string, factory: IDBFactory): Promise<IDBDatabase | undefined> {
  return new Promise((resolve, reject) => {
    const request = factory.open(name);
    let isMissing = false;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(blockedError());
    }, WAIT_MAX_MS);
    // Without the abort, opening a missing database would create an empty database.
    request.onupgradeneeded = () => {
      isMissing = true;
      request.transaction?.abort();
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      if (isLate) request.result.close();
      else resolve(request.result);
    };
    request.onerror = () => {
      clearTimeout(timer);
      if (isMissing) resolve(undefined);
      else reject(request.error ?? new Error('IndexedDB failed.'));
    };
  });
}

async function contentsOf(db: IDBDatabase): Promise<DatabaseContents> {
  if (db.objectStoreNames.length === 0) return { kind: 'empty' };
  const tables = Object.keys(SIGNATURE);
  if (!tables.every((table) => db.objectStoreNames.contains(table))) return { kind: 'foreign' };
  const transaction = db.transaction(tables);
  const isOurs = Object.entries(SIGNATURE).every(
    ([table, key]) => String(transaction.objectStore(table).keyPath) === key,
  );
  if (!isOurs) return { kind: 'foreign' };
  const row = await rowOf(transaction.objectStore('replica').get('replica'));
  if (typeof row !== 'object' || row === null || !('user' in row) || typeof row.user !== 'string')
    return { kind: 'empty' };
  return {
    kind: 'replica',
    user: row.user,
    app: 'app' in row && typeof row.app === 'string' ? row.app : undefined,
  };
}

function rowOf(request: IDBRequest<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed.'));
  });
}
