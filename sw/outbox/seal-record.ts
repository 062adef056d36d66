import type { ReplicaRecord } from '../store/record.ts';
import { dropEqual } from './net.ts';

/** The record in a batch: its pending change, without what the base already says, is frozen. The record itself where there is nothing to send. Pure. */
export function sealRecord(record: ReplicaRecord): ReplicaRecord {
  const { pending, ...rest } = record;
  const net = pending && dropEqual(pending.net, record.base);
  return net ? { ...rest, sealed: { ...pending, net } } : record;
}
