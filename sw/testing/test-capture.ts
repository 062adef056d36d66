import type { ChangeCommand } from '../../shared/messages.ts';
import { captureChange } from '../record/capture-change.ts';
import type { ReplicaRecord } from '../record/record.ts';

/** For tests: the record with the change captured as number `seq`, by the policy `ask`. */
export const capturedOn = (
  record: ReplicaRecord,
  change: ChangeCommand,
  seq: number,
): ReplicaRecord =>
  captureChange(record, change, seq, { policy: 'ask', newConflictId: () => `c${seq}` }).record;
