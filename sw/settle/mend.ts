import type { Engine } from '../replay/engine.ts';
import { recordKey } from '../record/record-key.ts';
import type { UpdraftEvent } from '../../shared/messages.ts';
import type { Quarantined } from '../store/quarantine-rows.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../state/replica.ts';
import { fork } from './fork.ts';
import { isSignedOut } from '../state/signed-out.ts';
import { damagedLetterOf } from '../store/damaged-letter.ts';
import { settleDepsOf, type SettleDeps } from './settle-deps.ts';
import { lossOf } from '../state/replica.ts';

/**
 * Reports losses and damaged rows of the database once, after the page that opened the database has
 * its answer, and repairs states that no engine writes.
 */
export async function mendStore(engine: Engine): Promise<void> {
  if (!(await engine.world.store.read(needsMending))) return;
  const deps = settleDepsOf(engine.world);
  await engine.desk.write(async (tx) => ({ result: undefined, events: await mend(tx, deps) }));
}

/**
 * Whether anything must be reported or repaired: a loss, new rows in quarantine, or changes of a
 * batch that is missing.
 */
async function needsMending(tx: ReplicaTx): Promise<boolean> {
  const replica = await tx.replica();
  const { quarantinedTold = 0, lost } = replica;
  return (
    lost?.isTold === false ||
    (await tx.quarantine.lastNumber()) > quarantinedTold ||
    (await isOrphaned(tx, replica))
  );
}

/**
 * Reports a lost database and rows that were put into quarantine. If the delivery row of the batch
 * in flight is gone, nobody can tell which of its changes were sent: the replica forks, and all
 * unsent changes wait for a person.
 */
async function mend(tx: ReplicaTx, deps: SettleDeps): Promise<readonly UpdraftEvent[]> {
  const replica = await tx.replica();
  const { quarantinedTold = 0, lost } = replica;
  const found = (await tx.quarantine.all()).filter(({ number }) => number > quarantinedTold);
  const updated: Replica = {
    ...replica,
    ...(await rereadDamaged(tx, replica, found)),
    quarantinedTold: Math.max(quarantinedTold, await tx.quarantine.lastNumber()),
    ...(lost ? { lost: { ...lost, isTold: true } } : {}),
  };
  await tx.putReplica(updated);
  const events: UpdraftEvent[] = [];
  if (lost?.isTold === false) events.push({ type: 'storage-lost', loss: lossOf(lost) });
  if (found.length > 0) events.push({ type: 'quarantined', count: found.length });
  // A signed-out replica shows no dead letters: the person here may not be its user.
  const letters = isSignedOut(replica) ? [] : found;
  for (const deadLetter of letters.flatMap((row) => damagedLetterOf(row) ?? []))
    events.push({ type: 'dead-letter', deadLetter });
  return (await isOrphaned(tx, replica))
    ? [...events, ...(await fork(tx, updated, deps)).events]
    : events;
}

/**
 * Reads the records of quarantined rows from Airflow again; otherwise these records would be
 * missing here until their next change. Done once for each record: a record that arrives damaged
 * would otherwise be read again and again.
 */
async function rereadDamaged(
  tx: ReplicaTx,
  { quarantinedTold = 0 }: Replica,
  found: readonly Quarantined[],
): Promise<Partial<Replica>> {
  const keyIn = ({ table, row }: Quarantined): string | undefined => {
    const { collection, id } = Object(row) as {
      readonly collection?: unknown;
      readonly id?: unknown;
    };
    return table === 'records'
      ? recordKey({ collection: String(collection), id: String(id) })
      : undefined;
  };
  const before = new Set(
    (await tx.quarantine.all()).filter(({ number }) => number <= quarantinedTold).map(keyIn),
  );
  const isNew = found.map(keyIn).some((key) => key !== undefined && !before.has(key));
  return isNew ? { since: 0, floor: 0 } : {};
}

async function isOrphaned(tx: ReplicaTx, { onItsWay }: Replica): Promise<boolean> {
  if ((await tx.deliveries()).some(({ batch }) => batch !== undefined)) return false;
  return onItsWay !== undefined || (await tx.inBatch()).length > 0;
}
