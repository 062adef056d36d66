import type { UpdraftEvent } from '../../shared/messages.ts';
import { lossOf } from '../status.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../store/replica.ts';
import { fork } from './fork.ts';
import type { SettleDeps } from './settle-deps.ts';

/** Whether there is something to tell, or something that no engine writes: changes in a batch that is not there. */
export async function needsMending(tx: ReplicaTx): Promise<boolean> {
  const replica = await tx.replica();
  const { quarantinedTold = 0, lost } = replica;
  return lost?.isTold === false || (await tx.quarantined()) > quarantinedTold || (await isOrphaned(tx, replica));
}

/**
 * Tells of a lost database and of rows that were put into quarantine. If the batch on its way was one of them, nobody can tell what of it has been sent:
 * what was in it, and all that is unsent with it, waits for a person.
 */
export async function mend(tx: ReplicaTx, deps: SettleDeps): Promise<readonly UpdraftEvent[]> {
  const replica = await tx.replica();
  const { quarantinedTold = 0, lost } = replica;
  const count = await tx.quarantined();
  const told: Replica = { ...replica, quarantinedTold: count, ...(lost ? { lost: { ...lost, isTold: true } } : {}) };
  await tx.putReplica(told);
  const events: UpdraftEvent[] = [];
  if (lost?.isTold === false) events.push({ type: 'storage-lost', loss: lossOf(lost) });
  if (count > quarantinedTold) events.push({ type: 'quarantined', count: count - quarantinedTold });
  return (await isOrphaned(tx, replica)) ? [...events, ...(await fork(tx, told, deps)).events] : events;
}

async function isOrphaned(tx: ReplicaTx, { onItsWay }: Replica): Promise<boolean> {
  if ((await tx.deliveries()).some(({ batch }) => batch !== undefined)) return false;
  return onItsWay !== undefined || (await tx.inBatch()).length > 0;
}
