import type { UpdraftEvent } from '../../shared/messages.ts';
import { advance } from '../outbox/advance.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../state/replica.ts';
import { foldBack, withValue } from '../record/rebase-record.ts';
import { eventsOf } from '../record/record-events.ts';
import type { SettleDeps } from './settle-deps.ts';

const FORKED = { kind: 'fork', message: 'A copy of this storage has gone on under the same name.' };

/**
 * Handles a fork: the storage was copied, and the other copy has gone on. The replica takes a new
 * id and re-reads. Pending changes are not sent again without a person, because the twin may have
 * sent the same changes.
 */
export async function fork(
  tx: ReplicaTx,
  replica: Replica,
  deps: SettleDeps,
): Promise<{ replica: Replica; events: UpdraftEvent[] }> {
  const unsettled = await tx.unsettled();
  const steps = unsettled.map((before) => ({ before, after: forkRecord(before, deps.randomHex) }));
  await tx.putRecords(steps.map(({ after }) => after));
  for (const delivery of await tx.deliveries())
    await advance(tx, delivery, { kind: 'die', reason: FORKED }, deps.now);
  const { onItsWay: _, proof: __, ...left } = replica;
  const renamed: Replica = {
    ...left,
    replicaId: deps.randomHex(),
    epoch: null,
    last: null,
    since: 0,
    floor: 0,
    ready: false,
  };
  await tx.putReplica(renamed);
  return { replica: renamed, events: eventsOf(steps) };
}

/**
 * Folds all unsent changes of the record back and marks the record as a conflict for a person,
 * because these changes may have been sent.
 */
export function forkRecord(record: ReplicaRecord, randomHex: () => string): ReplicaRecord {
  const back = foldBack(record);
  const mark = {
    conflictId: back.mark?.conflictId ?? randomHex(),
    reason: 'forked' as const,
    fields: '*' as const,
    base: back.mark?.base ?? back.base,
  };
  return withValue({ ...back, mark });
}
