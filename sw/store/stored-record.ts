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

export function toRecord(stored: StoredRecord): ReplicaRecord {
  const { ix: _ix, sendable: _sendable, inBatch: _inBatch, conflictId: _conflictId, rejected: _rejected, unsettled: _unsettled, ...record } = stored;
  return record;
}
