import { isOpenable, openAsItIs } from './inspect.ts';

/** Indexes whose entries are unfinished work. */
const WORK_INDEXES = [
  ['records', 'unsettled'],
  ['calls', 'turn'],
  ['calls', 'dead'],
] as const;
/** Tables in which every row is unfinished work, or may be deleted by a person only. */
const WORK_TABLES = ['deliveries', 'quarantine'] as const;

/**
 * Deletes a replica that holds nothing but copies of Airflow's data, in favour of another replica
 * of the same app and user. Checked and emptied in one transaction: a worker that has the database
 * open finds no replica, and opens the other. Resolves to whether the replica is gone.
 */
export async function deleteIfIdle(name: string, factory: IDBFactory): Promise<boolean> {
  if (!(await isOpenable(name, factory))) return true;
  const db = await openAsItIs(name, factory);
  if (!db) return true;
  db.onversionchange = () => db.close();
  try {
    if (!(await emptyIfIdle(db))) return false;
  } finally {
    db.close();
  }
  // Another open connection delays the deletion until that connection closes.
  factory.deleteDatabase(name);
  return true;
}

function emptyIfIdle(db: IDBDatabase): Promise<boolean> {
  const tables = [...db.objectStoreNames];
  if (tables.length === 0) return Promise.resolve(true);
  const transaction = db.transaction(tables, 'readwrite', { durability: 'strict' });
  const store = (table: string): IDBObjectStore[] =>
    tables.includes(table) ? [transaction.objectStore(table)] : [];
  const left = [
    ...WORK_INDEXES.flatMap(([table, index]) =>
      store(table).map((one) => one.index(index).count()),
    ),
    ...WORK_TABLES.flatMap((table) => store(table).map((one) => one.count())),
  ];
  return new Promise((resolve, reject) => {
    let isIdle = true;
    let answered = 0;
    for (const count of left)
      count.onsuccess = () => {
        isIdle &&= count.result === 0;
        if (++answered === left.length && isIdle)
          for (const table of tables) transaction.objectStore(table).clear();
      };
    transaction.oncomplete = () => resolve(isIdle);
    transaction.onabort = () => reject(transaction.error ?? new Error('IndexedDB failed.'));
  });
}
