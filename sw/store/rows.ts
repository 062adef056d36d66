import type { Table } from 'dexie';
import type { NotShown, PendingInput } from '../../shared/calls.ts';
import type { HistoryEntry } from '../../shared/history.ts';
import type { LoggedEvent } from '../../shared/messages.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { StoredCall } from '../state/call.ts';
import type { Delivery } from '../state/delivery.ts';
import type { Replica } from '../state/replica.ts';

/**
 * A record with the keys of its indexes. An absent key keeps the row out of that index, so each
 * index holds only the rows that the key's name says.
 */
export interface StoredRecord extends ReplicaRecord {
  /** `[collection, index, value]` for each declared index of the visible value. */
  readonly ix: readonly (readonly [collection: string, index: string, value: IndexKey])[];
  /** `firstSeq` of a pending change that may travel: the order of sealing. */
  readonly sendable?: number;
  readonly inBatch?: 1;
  readonly conflictId?: string;
  readonly rejected?: 1;
  readonly unsettled?: 1;
}

/**
 * An answered request: repeated, the request gets the same answer and changes nothing. `damaged`:
 * the answer is in quarantine.
 */
export type AnsweredRequest = { readonly requestId: string; readonly at: number } & (
  | { readonly answer: unknown }
  | { readonly damaged: true }
);

/** A token at rest: ciphertext under a key that the browser never hands out. */
export interface SealedToken {
  readonly key: 'token';
  readonly cryptoKey: CryptoKey;
  readonly iv: BufferSource;
  readonly ciphertext: ArrayBuffer;
  readonly expiresAt: number;
}

/**
 * Events logged together under the last event's cursor: a settled batch tells of a thousand records
 * in a single row.
 */
export interface EventGroup {
  readonly cursor: number;
  readonly events: readonly LoggedEvent[];
}

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
  /** Damaged rows, exactly as found. Only a person reads these rows. */
  readonly quarantine: QuarantineTable;
  /** Holds a row while the replica holds everything that Airflow has for this user. */
  readonly whole: Table<{ readonly key: 'whole' }, string>;
}

export type HistoryTable = Table<HistoryEntry, number>;

/** A call with the keys of its indexes; an absent key keeps the row out of that index. */
export interface CallRow extends StoredCall {
  /** Place in the lane, while Airflow does not have the call. */
  readonly turn?: readonly [lane: string, seq: number];
  readonly followed?: 1;
  readonly dead?: 1;
  /** ms since 1970 */
  readonly settledAt?: number;
}

/** The tasks that wait for a person, as last read from Airflow: a single row. */
export interface InputsRow {
  readonly key: 'pending';
  /** ms since 1970 */
  readonly seenAt: number;
  readonly inputs: readonly PendingInput[];
  readonly notShown?: readonly NotShown[];
}

/** Tables whose rows are checked when they are read. */
export type CheckedTable = Exclude<keyof Tables, 'secrets' | 'quarantine' | 'whole'>;

/** A damaged row, exactly as found. */
export interface CorruptRow {
  readonly table: CheckedTable;
  readonly row: unknown;
  /** Fault of the row; never its contents. */
  readonly why: string;
}

export type QuarantineTable = Table<CorruptRow & { readonly at: number }, number>;

/** Names the state of records and deliveries; stored beside the replica's row. */
export interface Stamp {
  readonly key: 'stamp';
  readonly stamp: string;
  /** The declarations by which the index keys of the records' rows were made. */
  readonly keys?: unknown;
}

/** Key of a record without the indexed field: an array, so that no value has the same key. */
export type MissingKey = readonly [2];
/** A value in an index. Booleans are arrays, so that `true` is not 1. */
export type IndexKey = string | number | readonly [0] | readonly [1] | MissingKey;
