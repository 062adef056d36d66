import type { ReplicaRecord } from '../record/record.ts';

/** How many records are unsettled, in conflict, refused, unfinished. */
export interface RecordCounts {
  readonly unsent: number;
  readonly conflicts: number;
  readonly rejected: number;
  readonly drafts: number;
}

/** Returns the record's share of the counts. */
const partOf = ({ pending, sealed, mark, rejection }: ReplicaRecord): RecordCounts => ({
  unsent: pending || sealed ? 1 : 0,
  conflicts: mark ? 1 : 0,
  rejected: rejection && !rejection.draft ? 1 : 0,
  drafts: rejection?.draft ? 1 : 0,
});

/** Returns the counts after a record was overwritten. */
export function recounted(
  counts: RecordCounts,
  before: ReplicaRecord,
  after: ReplicaRecord,
): RecordCounts {
  const [was, is] = [partOf(before), partOf(after)];
  return {
    unsent: counts.unsent - was.unsent + is.unsent,
    conflicts: counts.conflicts - was.conflicts + is.conflicts,
    rejected: counts.rejected - was.rejected + is.rejected,
    drafts: counts.drafts - was.drafts + is.drafts,
  };
}
