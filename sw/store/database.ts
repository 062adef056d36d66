import { Dexie, type Table, type Transaction } from 'dexie';
import type { LoggedEvent } from '../../shared/messages.ts';
import type { Delivery } from '../outbox/delivery.ts';
import { CALL_STORES, type CallRow, type InputsRow } from './call-table.ts';
import type { HistoryTable } from './history-log.ts';
import type { Stamp } from './known.ts';
import type { QuarantineTable } from './quarantine.ts';
import type { ReplicaRecord } from './record.ts';
import type { Replica } from './replica.ts';

/** A record with the keys it is found by. Keys that are absent are not indexed, so each list below holds only what it names. */
export interface StoredRecord extends ReplicaRecord {
  /** `[collection, index, value]` for each declared index of the visible value. */
  readonly ix: readonly (readonly [string, string, string | number | readonly [0] | readonly [1]])[];
  /** firstSeq of a pending change that may travel: sealing takes them in this order. */
  readonly sendable?: number;
  readonly inBatch?: 1;
  readonly conflictId?: string;
  readonly rejected?: 1;
  readonly unsettled?: 1;
}

/** A request that was done: repeated it gets the same answer and changes nothing. `damaged`: what it was answered is in quarantine. */
export type AnsweredRequest = { readonly requestId: string; readonly at: number } & ({ readonly answer: unknown } | { readonly damaged: true });

/** A token at rest: ciphertext under a key the browser never hands out. */
export interface SealedToken {
  readonly key: 'token';
  readonly cryptoKey: CryptoKey;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly ciphertext: ArrayBuffer;
  readonly expiresAt: number;
}

/** Another IndexedDB than the browser's own, for the simulation. */
export interface IndexedDb {
  readonly indexedDB: IDBFactory;
  readonly IDBKeyRange: typeof IDBKeyRange;
}

/** Events logged together, under the cursor of the last one: a settled batch tells of a thousand records in one row. */
export interface EventGroup {
  readonly cursor: number;
  readonly events: readonly LoggedEvent[];
}

export const DATABASE_PREFIX = 'updraft:';
/** Dexie's version 5 is the browser's version 50. */
const NATIVE_PER_VERSION = 10;

/** The tables of one transaction. */
export interface Tables {
  readonly records: Table<StoredRecord, [string, string]>;
  readonly deliveries: Table<Delivery, string>;
  readonly replica: Table<Replica & { key: 'replica' }, string>;
  readonly events: Table<EventGroup, number>;
  readonly requests: Table<AnsweredRequest, string>;
  readonly secrets: Table<SealedToken, string>;
  readonly history: HistoryTable;
  readonly calls: Table<CallRow, string>;
  readonly inputs: Table<InputsRow, string>;
  /** Rows that made no sense, as they were found. Nothing reads them but a person. */
  readonly quarantine: QuarantineTable;
  /** Holds one row while the replica holds everything Airflow has for it. */
  readonly whole: Table<{ readonly key: 'whole' }, string>;
}

/** The tables of one transaction, and the row beside the replica's. */
export interface BoundTables extends Tables {
  readonly stamps: Table<Stamp, string>;
}

export const TABLE_NAMES: readonly (keyof Tables)[] = [
  'records',
  'deliveries',
  'replica',
  'events',
  'requests',
  'secrets',
  'history',
  'calls',
  'inputs',
  'quarantine',
  'whole',
];

/**
 * Tables bound to this very transaction. Dexie's own tables find theirs by following promises, which it loses
 * where async functions are nested deeply: the next read would then open a transaction of its own.
 */
export function tablesOf(transaction: Transaction): BoundTables {
  return {
    records: transaction.table('records'),
    deliveries: transaction.table('deliveries'),
    replica: transaction.table('replica'),
    events: transaction.table('events'),
    requests: transaction.table('requests'),
    secrets: transaction.table('secrets'),
    history: transaction.table('history'),
    calls: transaction.table('calls'),
    inputs: transaction.table('inputs'),
    quarantine: transaction.table('quarantine'),
    whole: transaction.table('whole'),
    stamps: transaction.table('replica'),
  };
}

/** One user's replica. Every write is one strict transaction: durable before it resolves (law 1). */
export function openDatabase(user: string, indexedDb: IndexedDb | undefined): Dexie {
  const db = new Dexie(DATABASE_PREFIX + user, { chromeTransactionDurability: 'strict', cache: 'disabled', ...indexedDb });
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
  db.version(3).upgrade((tx) => tx.table<EventGroup | LoggedEvent, number>('events').toCollection().modify(groupEvent));
  db.version(4).stores(CALL_STORES);
  db.version(5)
    .stores({ quarantine: '++', whole: 'key' })
    .upgrade((transaction) => transaction.table('whole').put({ key: 'whole' }));
  // Nothing lies otherwise than before; but an earlier worker leaves no stamp, and must not write beside one that goes by them (known.ts).
  db.version(6).stores({});
  return db;
}

/** Whether the open database is of a later version than the one asked for: Dexie opens it all the same. */
export const isNewer = (db: Dexie, version: number): boolean => Math.floor(db.backendDB().version / NATIVE_PER_VERSION) > version;

/** A batch refused as a whole was a state of its own, `voiding`; now it is sealed again, with the refusal beside it. */
function withRefusal(row: { state: { kind: string; reason?: unknown }; refusal?: unknown }): void {
  if (row.state.kind !== 'voiding') return;
  row.refusal = row.state.reason;
  row.state = Object.assign(row.state, { kind: 'sealed' });
}

/** Up to version 2 each event was a row. */
function groupEvent(row: EventGroup | LoggedEvent, ref: { value: EventGroup | LoggedEvent }): void {
  if (!('events' in row)) ref.value = { cursor: row.cursor, events: [row] };
}

/** The users that have a replica in this browser profile. */
export async function usersWithReplica(): Promise<string[]> {
  return (await Dexie.getDatabaseNames()).filter((name) => name.startsWith(DATABASE_PREFIX)).map((name) => name.slice(DATABASE_PREFIX.length));
}
