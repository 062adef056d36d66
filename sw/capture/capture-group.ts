import { recordKey } from '../record/record-key.ts';
import { UpdraftError } from '../../shared/errors.ts';
import { declarationOf } from '../../shared/collections.ts';
import type { HistoryFact } from '../../shared/history.ts';
import type { Captured, ChangeCommand, LoggedEvent, UpdraftEvent } from '../../shared/messages.ts';
import type { Delivery } from '../state/delivery.ts';
import { ensureOpenDelivery, makingOf } from '../outbox/open-delivery.ts';
import { refuseSignedOut } from '../state/signed-out.ts';
import { droppedEvent, eventsOf, givenUpEvents, type RecordStep } from '../record/record-events.ts';
import { absent, isDraft, isSendable, type ReplicaRecord } from '../record/record.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Answered } from '../store/request-table.ts';
import { keepsDraft, onTheSpot } from '../declarations/on-the-spot.ts';
import { isTaken } from '../store/store-errors.ts';
import { CapturedSchema } from '../store/stored-message.ts';
import type { Replica } from '../state/replica.ts';
import type { World } from '../world.ts';
import { captureChange } from '../record/capture-change.ts';
import { idOf } from '../record/change-to-net.ts';

/** Generation of a record that no row holds, until the replica's row is read beside it. */
const UNKNOWN_GENERATION = 0;

const NO_ANSWERS: ReadonlyMap<string, Answered<Captured>> = new Map();

/** A change that a page asked to capture. `requestId` makes a repeated request harmless. */
export interface CaptureJob {
  readonly requestId: string;
  readonly collection: string;
  readonly change: ChangeCommand;
}

/** Captures that are stored together, or not at all. */
export type CaptureUnit = readonly CaptureJob[];

export interface CaptureGroup {
  /** Result of each unit: the answers to its jobs, or the error that kept all of its jobs out. */
  readonly results: readonly (readonly Captured[] | UpdraftError)[];
  readonly events: readonly LoggedEvent[];
  readonly log: string;
  /** The delivery that this group opened, if any: its wake-up row is still to be pushed. */
  readonly opened: Delivery | undefined;
}

/**
 * Commits each record with its mutation in a single strict transaction, or not at all (law 1). A
 * unit with bad input stores nothing and does not stop the others. All rows are read together and
 * written together: a request to the database for each job would cost more than the commit.
 *
 * No request is expected to be a repeated one: its answer is stored as a new row. Where that row is
 * there already, nothing is stored, and all is done again with the answers read first.
 */
export async function captureGroup(
  world: World,
  units: readonly CaptureUnit[],
): Promise<CaptureGroup> {
  const write = (isNew: boolean): Promise<CaptureGroup> =>
    world.store.write((tx) => capture(tx, world, units, isNew));
  try {
    return await write(true);
  } catch (error) {
    if (!isTaken(error)) throw error;
    return write(false);
  }
}

/** `isNew`: every request is expected to be made for the first time. */
async function capture(
  tx: ReplicaTx,
  world: World,
  units: readonly CaptureUnit[],
  isNew: boolean,
): Promise<CaptureGroup> {
  const jobs = units.flat();
  if (isNew) tx.rely();
  // Asked for together: each request that is waited for alone costs a round trip to the database.
  const [replica, records, known] = await Promise.all([
    tx.replica(),
    recordsOf(tx, jobs),
    isNew ? NO_ANSWERS : answersOf(tx, jobs),
    tx.deliveries(),
    tx.cursor(),
  ]);
  let fold = new Fold(world, replica, known, records, units);
  // A repeated request may fail because it was done: its first answer is the right one.
  if (isNew && fold.hasFailed)
    fold = new Fold(world, replica, await answersOf(tx, jobs), records, units);
  await tx.putRecords(fold.changed());
  await (isNew ? tx.addAnswers(fold.given) : tx.putAnswers(fold.given));
  if (fold.decisions.length > 0) await tx.appendHistory(world.clock.now(), fold.decisions);
  await tx.putReplica(fold.replica);
  const isSent = fold.steps.some(({ after }) => isSendable(after)) || undefined;
  const opened = await ensureOpenDelivery(tx, fold.replica, makingOf(world), isSent);
  const events = await tx.logEvents([...fold.told, ...eventsOf(fold.steps)]);
  return { results: fold.results, events, log: replica.logId, opened };
}

/** Comes of captures: changed records, events to send at once, and decisions for the history. */
interface News {
  readonly steps: RecordStep[];
  readonly told: UpdraftEvent[];
  readonly decisions: HistoryFact[];
}

/** Folds units of captures into the records that they change, in memory. */
class Fold implements News {
  readonly #world: World;
  readonly #answers: Map<string, Answered<Captured>>;
  #records: Map<string, ReplicaRecord>;
  replica: Replica;
  /** Result of each unit. */
  readonly results: readonly (readonly Captured[] | UpdraftError)[];
  readonly steps: RecordStep[] = [];
  readonly told: UpdraftEvent[] = [];
  readonly decisions: HistoryFact[] = [];
  readonly given: { requestId: string; at: number; answer: Captured }[] = [];

  constructor(
    world: World,
    replica: Replica,
    answers: ReadonlyMap<string, Answered<Captured>>,
    records: ReadonlyMap<string, ReplicaRecord>,
    units: readonly CaptureUnit[],
  ) {
    this.#world = world;
    this.replica = replica;
    this.#answers = new Map(answers);
    this.#records = new Map(records);
    this.results = units.map((unit) => this.#add(unit));
  }

  /** Whether a unit could not be captured. */
  get hasFailed(): boolean {
    return this.results.some((result) => result instanceof UpdraftError);
  }

  /** Adds all jobs of the unit, or none if any cannot be captured. */
  #add(unit: CaptureUnit): readonly Captured[] | UpdraftError {
    const { replica } = this;
    const lengths = [this.steps, this.told, this.decisions, this.given].map(({ length }) => length);
    // A unit of a single failed job has changed nothing and needs no copy.
    const before = unit.length > 1 ? new Map(this.#records) : this.#records;
    const captured: Captured[] = [];
    for (const [index, job] of unit.entries()) {
      const one = this.#addJob(job);
      if (one instanceof UpdraftError) {
        this.#takeBack(lengths, before, replica);
        return unit.length === 1 ? one : inUnit(one, index, job);
      }
      captured.push(one);
    }
    return captured;
  }

  /** The records to write: only the last form of a record that was changed several times. */
  changed(): ReplicaRecord[] {
    return [...new Map(this.steps.map(({ after }) => [recordKey(after), after])).values()];
  }

  #addJob(job: CaptureJob): Captured | UpdraftError {
    const repeated = this.#answers.get(job.requestId);
    if (repeated === 'damaged') return answerAnew(this.replica, job, this.#records);
    if (repeated) return repeated.answer;
    const captured = captureOne(this.#world, this.replica, job, this.#records, this);
    if (captured instanceof UpdraftError) return captured;
    this.replica = { ...this.replica, seq: captured.seq };
    this.#answers.set(job.requestId, { answer: captured });
    this.given.push({ requestId: job.requestId, at: this.#world.clock.now(), answer: captured });
    return captured;
  }

  /** Restores the state from before the unit. */
  #takeBack(
    [steps = 0, told = 0, decisions = 0, given = 0]: readonly number[],
    records: Map<string, ReplicaRecord>,
    replica: Replica,
  ): void {
    this.steps.length = steps;
    this.told.length = told;
    this.decisions.length = decisions;
    for (const { requestId } of this.given.splice(given)) this.#answers.delete(requestId);
    this.#records = records;
    this.replica = replica;
  }
}

/** Returns a job's error with the job's place in its unit. */
const inUnit = (
  { kind, message, path }: UpdraftError,
  index: number,
  job: CaptureJob,
): UpdraftError =>
  new UpdraftError(
    kind,
    `Nothing was stored: number ${index + 1} of the changes (${nameOf(job)}) ` +
      `cannot be captured. ${message}`,
    path,
  );

function nameOf({ change }: CaptureJob): string {
  try {
    return `id "${idOf(change)}"`;
  } catch {
    return 'without an id';
  }
}

async function answersOf(
  tx: ReplicaTx,
  jobs: readonly CaptureJob[],
): Promise<Map<string, Answered<Captured>>> {
  const requestIds = jobs.map(({ requestId }) => requestId);
  const answers = await tx.answers(requestIds, CapturedSchema);
  return new Map(
    answers.flatMap((answer, index) =>
      answer ? [[requestIds[index] ?? '', answer] as const] : [],
    ),
  );
}

/**
 * Answers a repeated capture whose stored answer is damaged, from the record's present state:
 * settled when the whole record is settled.
 */
function answerAnew(
  replica: Replica,
  { collection, change }: CaptureJob,
  records: ReadonlyMap<string, ReplicaRecord>,
): Captured {
  const id = idOf(change);
  const record = records.get(recordKey({ collection, id }));
  const unsettled = record?.pending ?? record?.sealed;
  return { id, seq: unsettled?.lastSeq ?? replica.seq, log: replica.logId, settled: !unsettled };
}

/** Reads the records of all jobs. A bad id is refused later, when its job is captured. */
async function recordsOf(
  tx: ReplicaTx,
  jobs: readonly CaptureJob[],
): Promise<Map<string, ReplicaRecord>> {
  const keys = jobs.flatMap(({ collection, change }): [string, string][] => {
    try {
      return [[collection, idOf(change)]];
    } catch (error) {
      if (error instanceof UpdraftError) return [];
      throw error;
    }
  });
  const records = await tx.recordsOf(keys, UNKNOWN_GENERATION);
  return new Map(records.map((record) => [recordKey(record), record]));
}

/** Folds a job into the records of the group, and adds the consequences to the news. */
function captureOne(
  world: World,
  replica: Replica,
  { collection, change }: CaptureJob,
  records: Map<string, ReplicaRecord>,
  news: News,
): Captured | UpdraftError {
  try {
    refuseSignedOut(replica);
    const declaration = declarationOf(world.declarations, collection);
    if (declaration.write === 'none')
      throw new UpdraftError(
        'read-only',
        `The collection "${collection}" is written by Airflow alone.`,
      );
    const id = idOf(change);
    const seq = replica.seq + 1;
    const found = records.get(recordKey({ collection, id }));
    const before =
      found && found.generation !== UNKNOWN_GENERATION
        ? found
        : absent(collection, id, replica.generation);
    const capturing = {
      policy: declaration.onConflict,
      newConflictId: world.random.hex,
      at: world.clock.now(),
    };
    const { record: captured, dropped } = captureChange(before, change, seq, capturing);
    const decided =
      world.resolvers?.decide({ before, after: captured }, world.declarations, (fact) =>
        news.decisions.push(fact),
      ) ?? captured;
    const after =
      captured === before && !isDraft(before)
        ? before
        : onTheSpot(decided, declaration.schema, keepsDraft(change, before), capturing.at);
    if (dropped.length > 0) news.told.push(droppedEvent(before, dropped));
    if (decided !== captured)
      news.told.push(...givenUpEvents({ before: captured, after: decided }));
    if (after === before) return { id, seq: replica.seq, log: replica.logId, settled: true };
    records.set(recordKey({ collection, id }), after);
    // A change that empties the pending net ends with this capture.
    news.steps.push({
      before: before.pending ? { ...before, pending: { ...before.pending, lastSeq: seq } } : before,
      after,
    });
    return { id, seq, log: replica.logId, settled: !after.pending };
  } catch (error) {
    if (error instanceof UpdraftError) return error;
    throw error;
  }
}
