import { Dexie } from 'dexie';
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { openDatabase } from '../store/database.ts';

/** The tables that each Dexie version added, in order. */
const SCHEMAS: readonly Record<string, string>[] = [
  {
    records: '[collection+id], *ix, sendable, inBatch, conflictId, rejected, unsettled, generation',
    deliveries: 'deliveryId',
    replica: 'key',
    events: 'cursor',
    requests: 'requestId, at',
    secrets: 'key',
  },
  { history: '++seq' },
  {},
  { calls: 'id, turn, followed, dead, settledAt', inputs: 'key' },
  { quarantine: '++', whole: 'key' },
  {},
  {},
  {},
  { later: 'id' },
  { muchLater: 'id' },
];
export const VERSION_NOW = 8;
const EVENTS_GROUPED = 3;

interface Event {
  readonly cursor: number;
  readonly events: readonly { readonly cursor: number }[];
}

/**
 * For tests: copies this version's rows into a database of another version, as far as that version
 * has the tables, in a separate IndexedDB.
 */
export async function oldDatabase(now: IDBFactory, version: number): Promise<IDBFactory> {
  const from = openDatabase('updraft:ana', { indexedDB: now, IDBKeyRange });
  await from.open();
  if (from.verno !== VERSION_NOW)
    throw new Error(
      'The database has another version by now. ' +
        'Tell sw/testing/test-old-database.ts what it added.',
    );
  const indexedDB = new IDBFactory();
  const db = new Dexie('updraft:ana', { indexedDB, IDBKeyRange, autoOpen: false });
  for (const [at, schema] of SCHEMAS.slice(0, version).entries()) db.version(at + 1).stores(schema);
  await db.open();
  for (const { name } of db.tables) {
    if (!from.tables.some((table) => table.name === name)) continue;
    const rows: unknown[] = await from.table(name).toArray();
    const theirs =
      name === 'events' && version < EVENTS_GROUPED
        ? (rows as Event[]).flatMap(({ events }) => events)
        : rows;
    await db.table(name).bulkPut(theirs);
  }
  from.close();
  db.close();
  return indexedDB;
}
