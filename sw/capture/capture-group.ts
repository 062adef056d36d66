import { UpdraftError } from '../../shared/errors.ts';
import { declarationOf } from '../../shared/collections.ts';
import type { Captured, ChangeCommand, LoggedEvent } from '../../shared/messages.ts';
import type { Delivery } from '../outbox/delivery.ts';
import { ensureOpenDelivery, makingOf } from '../outbox/open-delivery.ts';
import { refuseHidden } from '../settle/hidden.ts';
import { eventsOf, type RecordStep } from '../settle/record-events.ts';
import { absent, type ReplicaRecord } from '../store/record.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Answered } from '../store/request-table.ts';
import { CapturedSchema } from '../store/stored-message.ts';
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

/**
 * A record and its mutation commit in one strict transaction, or not at all (law 1). A job with bad input stores nothing and does not stop the others.
 * Everything is read at once and written at once: a request to the database for each job would cost more than the commit.
 */
export function captureGroup(world: World, jobs: readonly CaptureJob[]): Promise<CaptureGroup> {
  return world.store.write(async (tx) => {
    let replica = await tx.replica();
    const answers = await answersOf(tx, jobs);
    const records = await recordsOf(tx, jobs, replica.generation);
    const at = world.clock.now();
    const given: { requestId: string; at: number; answer: Captured }[] = [];
    const steps: RecordStep[] = [];
    const results = jobs.map((job): Captured | UpdraftError => {
      const repeated = answers.get(job.requestId);
      if (repeated) return repeated === 'damaged' ? answerAnew(replica, job, records) : repeated.answer;
      const captured = captureOne(world, replica, job, records, steps);
      if (captured instanceof UpdraftError) return captured;
      replica = { ...replica, seq: captured.seq };
      answers.set(job.requestId, { answer: captured });
      given.push({ requestId: job.requestId, at, answer: captured });
      return captured;
    });
    // Of a record that was changed twice the last form.
    await tx.putRecords([...new Map(steps.map(({ after }) => [keyOf(after.collection, after.id), after])).values()]);
    await tx.putAnswers(given);
    await tx.putReplica(replica);
    const opened = await ensureOpenDelivery(tx, replica, makingOf(world));
    return { results, events: await tx.logEvents(eventsOf(steps)), log: replica.logId, opened };
  });
}

const keyOf = (collection: string, id: string): string => `${collection}\n${id}`;

async function answersOf(tx: ReplicaTx, jobs: readonly CaptureJob[]): Promise<Map<string, Answered<Captured>>> {
  const requestIds = jobs.map(({ requestId }) => requestId);
  const answers = await tx.answers(requestIds, CapturedSchema);
  return new Map(answers.flatMap((answer, index) => (answer ? [[requestIds[index] ?? '', answer] as const] : [])));
}

/** For a capture that was done, of which nobody can read any more what it was told: how its record stands. It is settled when all of that is. */
function answerAnew(replica: Replica, { collection, change }: CaptureJob, records: ReadonlyMap<string, ReplicaRecord>): Captured {
  const id = idOf(change);
  const record = records.get(keyOf(collection, id));
  const unsettled = record?.pending ?? record?.sealed;
  return { id, seq: unsettled?.lastSeq ?? replica.seq, log: replica.logId, settled: !unsettled };
}

/** The records that the jobs are about. What a job names wrongly is refused when its turn comes. */
async function recordsOf(tx: ReplicaTx, jobs: readonly CaptureJob[], generation: number): Promise<Map<string, ReplicaRecord>> {
  const keys = jobs.flatMap(({ collection, change }): [string, string][] => {
    try {
      return [[collection, idOf(change)]];
    } catch (error) {
      if (error instanceof UpdraftError) return [];
      throw error;
    }
  });
  const records = await tx.recordsOf(keys, generation);
  return new Map(records.map((record) => [keyOf(record.collection, record.id), record]));
}

/** Folds one job into the records of the group; its step is appended where it changed something. */
function captureOne(
  world: World,
  replica: Replica,
  { collection, change }: CaptureJob,
  records: Map<string, ReplicaRecord>,
  steps: RecordStep[],
): Captured | UpdraftError {
  try {
    const declaration = declarationOf(world.declarations, collection);
    if (declaration.write === 'none') throw new UpdraftError('read-only', `The collection "${collection}" is written by Airflow alone.`);
    const id = idOf(change);
    const seq = replica.seq + 1;
    const before = records.get(keyOf(collection, id)) ?? absent(collection, id, replica.generation);
    refuseHidden(replica, before);
    const after = captureChange(before, change, seq, world.clock.now());
    if (after === before) return { id, seq: replica.seq, log: replica.logId, settled: true };
    records.set(keyOf(collection, id), after);
    // The change that emptied what was pending ends it.
    steps.push({ before: before.pending ? { ...before, pending: { ...before.pending, lastSeq: seq } } : before, after });
    return { id, seq, log: replica.logId, settled: !after.pending };
  } catch (error) {
    if (error instanceof UpdraftError) return error;
    throw error;
  }
}
