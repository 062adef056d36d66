import type { ReplicaRecord } from './record.ts';
import { withoutEqual } from './apply-change.ts';

/**
 * Sealed forms by record: a record is prepared while the batch before travels, then sealed, then
 * settled, and its sealed form is computed once.
 */
const made = new WeakMap<ReplicaRecord, ReplicaRecord>();

/**
 * Returns the record in a batch: the pending change, without fields that the base has already, is
 * frozen. Returns the record itself when there is nothing to send. Pure.
 */
export function sealRecord(record: ReplicaRecord): ReplicaRecord {
  const known = made.get(record);
  if (known) return known;
  const sealed = seal(record);
  made.set(record, sealed);
  return sealed;
}

function seal(record: ReplicaRecord): ReplicaRecord {
  const { pending, ...rest } = record;
  const net = pending && withoutEqual(record.base, pending);
  return net ? { ...rest, sealed: { ...pending, net } } : record;
}
