import { Dexie, type Transaction } from 'dexie';
import type { LoggedEvent } from '../../shared/messages.ts';
import { CALL_STORES } from './call-table.ts';
import { Native, type BoundTables } from './native.ts';
import type { EventGroup, Tables } from './rows.ts';

/** An IndexedDB other than the browser's own, for the simulation. */
export interface IndexedDb {
  readonly indexedDB: IDBFactory;
  readonly IDBKeyRange: typeof IDBKeyRange;
}

/** Parts of Dexie for live queries, which the engine has not: each write would pay for them. */
const UNUSED = ['Observability', 'Cache'] as const;

/** Dexie multiplies version numbers by ten: version 5 is the browser's version 50. */
const NATIVE_PER_VERSION = 10;

/** Every table of `rows.ts`; a missing name does not compile. */
const NAMED: Readonly<Record<keyof Tables, true>> = {
  records: true,
  deliveries: true,
  replica: true,
  events: true,
  requests: true,
  secrets: true,
  history: true,
  calls: true,
  inputs: true,
  quarantine: true,
  whole: true,
};
export const TABLE_NAMES = Object.keys(NAMED) as readonly (keyof Tables)[];

/**
 * Returns the tables bound to this transaction. Dexie's own tables find their transaction by
 * following promises, and lose track in deeply nested async functions: the next read would then
 * open another transaction.
 */
export function tablesOf(transaction: Transaction): BoundTables {
  const tables = Object.fromEntries(TABLE_NAMES.map((name) => [name, transaction.table(name)]));
  return { ...tables, native: new Native(transaction.idbtrans) } as unknown as BoundTables;
}

/**
 * Opens a user's replica under the name given (`names.ts`). Every write is one strict transaction:
 * durable before the promise resolves (law 1).
 */
export function openDatabase(name: string, indexedDb: IndexedDb | undefined): Dexie {
  const db = new Dexie(name, {
    chromeTransactionDurability: 'strict',
    cache: 'disabled',
    ...indexedDb,
  });
  db.version(1).stores({
    records: '[collection+id], *ix, sendable, inBatch, conflictId, rejected, unsettled, generation',
    deliveries: 'deliveryId',
    replica: 'key',
    events: 'cursor',
    requests: 'requestId, at',
    secrets: 'key',
  });
  db.version(2)
    .stores({ history: '++seq' })
    .upgrade((transaction) => transaction.table('deliveries').toCollection().modify(withRefusal));
  db.version(3).upgrade((tx) =>
    tx.table<EventGroup | LoggedEvent, number>('events').toCollection().modify(groupEvent),
  );
  db.version(4).stores(CALL_STORES);
  db.version(5)
    .stores({ quarantine: '++', whole: 'key' })
    .upgrade((transaction) => transaction.table('whole').put({ key: 'whole' }));
  // Version 6 changes no layout. An earlier worker leaves no stamp, and so must not write beside a
  // worker that relies on stamps (`read-cache.ts`).
  db.version(6).stores({});
  // Version 7 changes no layout either. An earlier worker does not store how a row's keys were made
  // (`row-keys.ts`).
  db.version(7).stores({});
  // Nor does version 8. An earlier worker leaves no stamp where it only logs events, and captures
  // rely on the stamp for the last event's cursor (`read-cache.ts`). Such a worker would also drop
  // the part `elements` of an edit (`edit-parts.ts`) when it folds, shows or sends the edit.
  db.version(8).stores({});
  for (const name of UNUSED) db.unuse({ stack: 'dbcore', name });
  return db;
}

/**
 * Returns whether the open database has a later version than requested. Dexie opens such a database
 * without an error.
 */
export const isNewer = (db: Dexie, version: number): boolean =>
  Math.floor(db.backendDB().version / NATIVE_PER_VERSION) > version;

/**
 * Upgrades a delivery of version 1: a batch refused as a whole had the state `voiding`. Now the
 * batch is sealed again, with the refusal beside the state.
 */
function withRefusal(row: { state: { kind: string; reason?: unknown }; refusal?: unknown }): void {
  if (row.state.kind !== 'voiding') return;
  row.refusal = row.state.reason;
  row.state = Object.assign(row.state, { kind: 'sealed' });
}

/** Up to version 2 each event was a row. */
function groupEvent(row: EventGroup | LoggedEvent, ref: { value: EventGroup | LoggedEvent }): void {
  if (!('events' in row)) ref.value = { cursor: row.cursor, events: [row] };
}
