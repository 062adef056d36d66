import { sealRecord } from '../outbox/seal-record.ts';
import type { BatchMembers } from './batch-members.ts';
import type { ReplicaRecord } from './record.ts';
import type { StoredRecord } from './database.ts';

/** Adds the keys a record is found by. An absent key keeps the record out of that index. */
export function toStored(record: ReplicaRecord, ix: StoredRecord['ix'], sendable: boolean): StoredRecord {
  return {
    ...record,
    ix,
    ...(sendable && record.pending ? { sendable: record.pending.firstSeq } : {}),
    ...(record.sealed ? { inBatch: 1 as const } : {}),
    ...(record.mark ? { conflictId: record.mark.conflictId } : {}),
    ...(record.rejection ? { rejected: 1 as const } : {}),
    ...(record.pending || record.sealed ? { unsettled: 1 as const } : {}),
  };
}

/** The record of a row. One of the batch on its way is in its sealed form, whether or not its row has been written since. */
export function toRecord(stored: StoredRecord, members: BatchMembers): ReplicaRecord {
  const { ix: _ix, sendable, inBatch: _inBatch, conflictId: _conflictId, rejected: _rejected, unsettled: _unsettled, ...record } = stored;
  return sendable !== undefined && members.has(record.collection, record.id) ? sealRecord(record) : record;
}
