import { sealRecord } from '../record/seal-record.ts';
import type { BatchMembers } from './batch-members.ts';
import { isSendable, type ReplicaRecord } from '../record/record.ts';
import type { StoredRecord } from './rows.ts';

/** Keys of a row that follow from the record alone: a row under other keys is not found by them. */
type StateKeys = Pick<
  StoredRecord,
  'sendable' | 'inBatch' | 'conflictId' | 'rejected' | 'unsettled'
>;

const keysOf = (record: ReplicaRecord, sendable: boolean): StateKeys => ({
  ...(sendable && record.pending ? { sendable: record.pending.firstSeq } : {}),
  ...(record.sealed ? { inBatch: 1 as const } : {}),
  ...(record.mark ? { conflictId: record.mark.conflictId } : {}),
  ...(record.rejection ? { rejected: 1 as const } : {}),
  ...(record.pending || record.sealed ? { unsettled: 1 as const } : {}),
});

/** Whether the row is found by the keys that follow from its record. */
export function hasItsKeys(row: StoredRecord): boolean {
  const keys = keysOf(row, isSendable(row));
  return (['sendable', 'inBatch', 'conflictId', 'rejected', 'unsettled'] as const).every(
    (key) => keys[key] === row[key],
  );
}

/** Adds the index keys of a record's row. An absent key keeps the record out of that index. */
export function toStored(
  record: ReplicaRecord,
  ix: StoredRecord['ix'],
  sendable: boolean,
): StoredRecord {
  return {
    ...record,
    ix,
    ...keysOf(record, sendable),
  };
}

/**
 * Returns the record of a row. A member of the in-flight batch is returned in sealed form, whether
 * or not its row was rewritten since.
 */
export function toRecord(stored: StoredRecord, members: BatchMembers): ReplicaRecord {
  const {
    ix: _ix,
    sendable,
    inBatch: _inBatch,
    conflictId: _conflictId,
    rejected: _rejected,
    unsettled: _unsettled,
    ...record
  } = stored;
  return sendable !== undefined && members.has(record.collection, record.id)
    ? sealRecord(record)
    : record;
}
