import type { ExchangeResponse } from '../../shared/exchange.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../state/replica.ts';
import { liftRejection } from '../record/dead-letter.ts';
import type { RecordStep } from '../record/record-events.ts';

/**
 * Refusals that end without a person: the collection is declared (again), or the transport may
 * carry the collection.
 */
const OF_THE_COLLECTION: readonly string[] = ['unknown_collection', 'needs_plugin'];

/**
 * Learns from an answer which collections Airflow declares. When a collection is declared again,
 * its refused changes travel again, and the replica reads everything again, because the checkpoint
 * has passed the changes written meanwhile. An older server does not name undeclared collections.
 */
export async function noteUndeclared(
  tx: ReplicaTx,
  replica: Replica,
  { undeclared }: ExchangeResponse,
): Promise<{ replica: Replica; steps: RecordStep[] }> {
  if (!undeclared) return { replica, steps: [] };
  const { undeclared: before = [], ...rest } = replica;
  const isBack = before.some((name) => !undeclared.includes(name));
  const noted: Replica = undeclared.length > 0 ? { ...rest, undeclared } : rest;
  return {
    replica: isBack ? reread(noted) : noted,
    steps: await lift(tx, undeclared),
  };
}

/**
 * Reads everything again, and sweeps. A re-read that ended meanwhile spared the collection's rows:
 * a record that a restored store lacks is announced by no page, and would stay here for ever.
 */
const reread = (replica: Replica): Replica => ({
  ...replica,
  since: 0,
  floor: 0,
  ready: false,
  rereading: true,
  generation: replica.generation + 1,
});

async function lift(tx: ReplicaTx, undeclared: readonly string[]): Promise<RecordStep[]> {
  const { deadLetters } = await tx.counts();
  if (deadLetters === 0) return [];
  const refused = await tx.rejected();
  const freed = refused.filter(
    ({ collection, rejection }) =>
      rejection !== undefined &&
      OF_THE_COLLECTION.includes(rejection.reason.kind) &&
      !undeclared.includes(collection),
  );
  const steps = freed.map((before) => ({ before, after: liftRejection(before) }));
  await tx.putRecords(steps.map(({ after }) => after));
  return steps;
}
