import type { UpdraftEvent } from '../../shared/messages.ts';
import type { ReplicaTx } from '../store/replica-store.ts';
import type { Replica } from '../store/replica.ts';
import { fork } from './fork.ts';
import type { SettleDeps } from './settle-deps.ts';

/** Whether something was found that no engine writes: rows in quarantine that nobody was told of, or changes in a batch that is not there. */
export async function needsMending(tx: ReplicaTx): Promise<boolean> {
  const { quarantinedTold = 0 } = await tx.replica();
  return (await tx.quarantined()) > quarantinedTold || (await isOrphaned(tx));
}

/**
 * Tells of rows that were put into quarantine. If the batch on its way was one of them, nobody can tell what of it has been sent:
 * what was in it, and all that is unsent with it, waits for a person.
 */
export async function mend(tx: ReplicaTx, deps: SettleDeps): Promise<readonly UpdraftEvent[]> {
  const replica = await tx.replica();
  const count = await tx.quarantined();
  const { quarantinedTold = 0 } = replica;
  const told: Replica = { ...replica, quarantinedTold: count };
  await tx.putReplica(told);
  const events: UpdraftEvent[] = count > quarantinedTold ? [{ type: 'quarantined', count: count - quarantinedTold }] : [];
  return (await isOrphaned(tx)) ? [...events, ...(await fork(tx, told, deps)).events] : events;
}

async function isOrphaned(tx: ReplicaTx): Promise<boolean> {
  if ((await tx.deliveries()).some(({ batch }) => batch !== undefined)) return false;
  return (await tx.inBatch()).length > 0;
}
