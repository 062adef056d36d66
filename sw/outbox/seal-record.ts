import type { ReplicaRecord } from '../store/record.ts';
import { dropEqual } from './net.ts';

/** Made once: a record is prepared while the batch before is on its way, then sealed, then settled. */
const made = new WeakMap<ReplicaRecord, ReplicaRecord>();

/** The record in a batch: its pending change, without what the base already says, is frozen. The record itself where there is nothing to send. Pure. */
export function sealRecord(record: ReplicaRecord): ReplicaRecord {
  const known = made.get(record);
  if (known) return known;
  const sealed = seal(record);
  made.set(record, sealed);
  return sealed;
}

function seal(record: ReplicaRecord): ReplicaRecord {
  const { pending, ...rest } = record;
  const net = pending && dropEqual(pending.net, record.base);
  return net ? { ...rest, sealed: { ...pending, net } } : record;
}
