import type { Doc } from '../../shared/json.ts';
import { applyChange } from './apply-change.ts';
import { fieldsTaken, fieldsUnfit, netFields, type Net } from './net.ts';
import { whyUnfit } from './why-unfit.ts';
import type { ReplicaRecord } from './record.ts';
import { questioned } from './mark.ts';

/**
 * Returns the record with a conflict mark where no store would take the value: two edits that fit
 * alone may be too large together, and two increments may add up to no number. A rebase finds no
 * such conflict, because no field was changed by both sides. Sent, the record would be refused;
 * stored without a mark, the row would fail its check. `agreed`: the record when both sides last
 * agreed.
 */
export function markUnfit(
  record: ReplicaRecord,
  agreed: Doc | null,
  newConflictId: () => string,
): ReplicaRecord {
  const fields = unfitFields(record);
  if (__UPDRAFT_PLANTED_BUG__ === 'unfit-view-unmarked') return record;
  const { mark } = record;
  // A person is asked about the whole record already, and no choice that does not fit is taken.
  if (fields.length === 0 || (mark?.fields === '*' && mark.reason !== 'invalid-merge'))
    return record;
  const old = mark?.fields === '*' ? { ...mark, fields: [] } : mark;
  return {
    ...record,
    mark: questioned(old, { fields, base: agreed, reason: 'invalid-merge' }, newConflictId),
  };
}

/** Returns the fields of the pending change without which the record would fit. */
function unfitFields({ base, sealed, pending, value, id }: ReplicaRecord): readonly string[] {
  if (!pending || pending.net.kind === 'delete') return [];
  const sums = fieldsUnfit(applyChange(base, sealed, id) ?? pending.seen ?? null, pending.net);
  return value !== null && whyUnfit(value) ? [...new Set([...sums, ...added(pending.net)])] : sums;
}

/** Returns the fields that a net change puts into a record; no removal makes a record too large. */
function added(net: Net): string[] {
  const taken = fieldsTaken(net);
  return netFields(net).filter((field) => !taken.includes(field));
}

/**
 * Returns the reason why no store could hold the record's value, in words for the person who chose
 * the value, or `undefined`.
 */
export function whyUnfitToSend({
  base,
  sealed,
  pending,
  value,
  id,
}: ReplicaRecord): ReturnType<typeof whyUnfit> {
  if (!pending) return undefined;
  const [field] = fieldsUnfit(applyChange(base, sealed, id) ?? pending.seen ?? null, pending.net);
  if (field !== undefined)
    return {
      kind: 'too-large',
      message: `The sum of the field "${field}" would be no number that a record can hold.`,
    };
  return value === null ? undefined : whyUnfit(value);
}
