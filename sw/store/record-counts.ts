import type { ReplicaRecord } from './record.ts';

/** How many records are unsettled, in conflict, refused. */
export interface RecordCounts {
  readonly unsent: number;
  readonly conflicts: number;
  readonly rejected: number;
}

/** What the record adds to the counts. */
const partOf = ({ pending, sealed, mark, rejection }: ReplicaRecord): RecordCounts => ({
  unsent: pending || sealed ? 1 : 0,
  conflicts: mark ? 1 : 0,
  rejected: rejection ? 1 : 0,
});

/** The counts after a record was written over. */
export function recounted(counts: RecordCounts, before: ReplicaRecord, after: ReplicaRecord): RecordCounts {
  const [was, is] = [partOf(before), partOf(after)];
  return {
    unsent: counts.unsent - was.unsent + is.unsent,
    conflicts: counts.conflicts - was.conflicts + is.conflicts,
    rejected: counts.rejected - was.rejected + is.rejected,
  };
}
