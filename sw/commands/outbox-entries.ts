import type { OutboxEntry } from '../../shared/row.ts';
import { netFields } from '../record/net.ts';
import type { ReplicaRecord } from '../record/record.ts';
import { stateOf } from '../record/row.ts';

/** The outbox entry of a record with unsettled changes; none for a record without. */
export function toOutboxEntries(record: ReplicaRecord): OutboxEntry[] {
  const change = record.pending ?? record.sealed;
  if (!change) return [];
  const fields = [record.sealed, record.pending].flatMap((part) =>
    part ? netFields(part.net) : [],
  );
  const state = stateOf(record);
  if (state === 'synced') return [];
  return [
    {
      collection: record.collection,
      id: record.id,
      op: change.net.kind,
      fields: [...new Set(fields)],
      state,
      firstSeq: (record.sealed ?? change).firstSeq,
      lastSeq: change.lastSeq,
    },
  ];
}
