import { UpdraftError } from '../../shared/errors.ts';
import type { ReplicaRecord } from './record.ts';
import { withValue } from './rebase-record.ts';

/**
 * Returns the record without the unsent change. Throws `in-flight` while a batch with the record is
 * unanswered, because the server may have applied the change already.
 */
export function discardPending(record: ReplicaRecord): ReplicaRecord {
  if (record.sealed)
    throw new UpdraftError(
      'in-flight',
      'This change is on its way and may already be applied. Discard it once the answer is here.',
    );
  if (!record.pending)
    throw new UpdraftError('not-found', 'There is nothing to discard for this record.');
  const { pending: _pending, mark: _mark, rejection: _rejection, ...rest } = record;
  return withValue(rest);
}
