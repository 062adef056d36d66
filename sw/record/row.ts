import type { Row, RowState } from '../../shared/row.ts';
import { isDraft, type ReplicaRecord } from './record.ts';

/** Returns the record's most pressing state. */
export function stateOf(record: ReplicaRecord): RowState {
  if (record.rejection && !isDraft(record)) return 'rejected';
  if (record.mark) return 'conflict';
  if (record.sealed) return 'sending';
  if (isDraft(record)) return 'draft';
  return record.pending ? 'local' : 'synced';
}

/** Returns the record as a page sees it; null when deleted or unknown. */
export function rowOf(record: ReplicaRecord): Row | null {
  if (record.value === null) return null;
  return {
    id: record.id,
    value: record.value,
    state: stateOf(record),
    revision: record.revision,
    ...(record.run === undefined ? {} : { run: record.run }),
    ...refusalOf(record),
  };
}

function refusalOf({ rejection }: ReplicaRecord): Pick<Row, 'rejection' | 'draft'> {
  if (!rejection) return {};
  const { message, path } = rejection.reason;
  if (!rejection.draft) return { rejection: message };
  return { draft: path === undefined ? { message } : { message, path } };
}
