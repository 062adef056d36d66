import { UpdraftError } from '../../shared/errors.ts';
import { declarationOf } from '../../shared/collections.ts';
import type { Captured, ChangeCommand, LoggedEvent } from '../../shared/messages.ts';
import type { Delivery } from '../outbox/delivery.ts';
import { ensureOpenDelivery, makingOf } from '../outbox/open-delivery.ts';
import { eventsOf, type RecordStep } from '../settle/record-events.ts';
import type { ReplicaTx } from '../store/replica-store.ts';
import type { Replica } from '../store/replica.ts';
import type { World } from '../world.ts';
import { captureChange } from './capture-change.ts';
import { idOf } from './change-to-net.ts';

/** One change a page asked to capture. `requestId` makes a repeated request harmless. */
export interface CaptureJob {
  readonly requestId: string;
  readonly collection: string;
  readonly change: ChangeCommand;
}

export interface CaptureGroup {
  readonly results: readonly (Captured | UpdraftError)[];
  readonly events: readonly LoggedEvent[];
  readonly log: string;
  /** A delivery made by this group: it needs its wake-up row. */
  readonly opened: Delivery | undefined;
}

/** A record and its mutation commit in one strict transaction, or not at all (law 1). A job with bad input stores nothing and does not stop the others. */
export function captureGroup(world: World, jobs: readonly CaptureJob[]): Promise<CaptureGroup> {
  return world.store.write(async (tx) => {
    let replica = await tx.replica();
    const results: (Captured | UpdraftError)[] = [];
    const steps: RecordStep[] = [];
    for (const job of jobs) {
      const repeated = (await tx.answer(job.requestId)) as Captured | undefined;
      const captured = repeated ?? (await captureOne(world, tx, replica, job, steps));
      results.push(captured);
      if (captured instanceof UpdraftError || repeated) continue;
      replica = { ...replica, seq: captured.seq };
      await tx.putAnswer(job.requestId, world.clock.now(), captured);
    }
    await tx.putReplica(replica);
    const opened = await ensureOpenDelivery(tx, replica, makingOf(world));
    return { results, events: await tx.logEvents(eventsOf(steps)), log: replica.logId, opened };
  });
}

async function captureOne(
  world: World,
  tx: ReplicaTx,
  replica: Replica,
  { collection, change }: CaptureJob,
  steps: RecordStep[],
): Promise<Captured | UpdraftError> {
  try {
    const declaration = declarationOf(world.declarations, collection);
    if (declaration.write === 'none') throw new UpdraftError('read-only', `The collection "${collection}" is written by Airflow alone.`);
    const id = idOf(change);
    const seq = replica.seq + 1;
    const before = await tx.record(collection, id, replica.generation);
    const after = captureChange(before, change, seq);
    if (after === before) return { id, seq: replica.seq, log: replica.logId, settled: true };
    await tx.putRecords([after]);
    // The change that emptied what was pending ends it.
    steps.push({ before: before.pending ? { ...before, pending: { ...before.pending, lastSeq: seq } } : before, after });
    return { id, seq, log: replica.logId, settled: !after.pending };
  } catch (error) {
    if (error instanceof UpdraftError) return error;
    throw error;
  }
}
