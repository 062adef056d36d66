import type { Declarations } from '../shared/collections.ts';
import type { Snapshot } from '../shared/messages.ts';
import { callsWakeLane } from './calls/lanes.ts';
import { Drain } from './drain.ts';
import { MirrorWriter } from './mirror/mirror-writer.ts';
import { batchLane, makingOf } from './outbox/open-delivery.ts';
import { Pipeline } from './pipeline.ts';
import { findReplica, keptMirror } from './replicas/find-replica.ts';
import { freeDrafts } from './replicas/free-drafts.ts';
import { declarationEvents, declaredAs, underDeclarations } from './replicas/under-declarations.ts';
import { Circuit, CircuitCell } from './replay/circuit.ts';
import { Desk } from './status/desk.ts';
import { Indexing, ROWS_A_SLICE } from './store/indexing.ts';
import type { Credentials } from './transport/credentials.ts';
import { reconcileQueue } from './wake/reconcile-queue.ts';
import { WakeUps } from './wake/wake-ups.ts';
import type { World } from './world.ts';

/** A user's open replica: flow, state, credentials. */
export interface OpenReplica {
  readonly world: World;
  readonly desk: Desk;
  readonly pipeline: Pipeline;
  readonly drain: Drain;
  readonly wakeUps: WakeUps;
  readonly credentials: Credentials;
  /** Asked by every lane before anything is sent to Airflow. */
  readonly circuit: Circuit;
  readonly mirror: MirrorWriter;
  readonly indexing: Indexing;
  /**
   * Puts newer declarations in force: new keys from the next transaction on, policies and rules at
   * once. Pages are told by an event.
   */
  readonly declare: (declarations: Declarations) => Promise<void>;
  /** Closes the replica, which then does nothing by itself. */
  readonly close: () => Promise<void>;
  /** Wipes the replica and its wake-ups from this browser. */
  readonly dispose: () => Promise<void>;
}

/**
 * Opens a user's replica, making a new replica on first use, and mends the leftovers of a killed
 * worker or an older version. `cell`: the circuit's state, shared by the replicas of a worker.
 */
export async function openReplica(
  given: World,
  credentials: Credentials,
  cell = new CircuitCell(),
): Promise<OpenReplica> {
  const mirror = new MirrorWriter(given);
  const world: World = {
    ...given,
    store: mirror.mirroredStore(given.store),
    transport: mirror.mirroredTransport(given.transport),
  };
  const desk = new Desk(world);
  const indexing = new Indexing(given.store, world);
  const { isIndexed, logged, log } = await findReplica(
    world,
    await keptMirror(world),
    declaredAs(world.declarations),
  );
  const circuit = new Circuit(cell, world, desk);
  circuit.restore((await desk.replica()).circuit);
  const wakeUps = new WakeUps(world, desk);
  const engine = { world, desk, circuit };
  const pipeline = new Pipeline(engine, wakeUps);
  const drain = new Drain(engine, wakeUps, pipeline);
  const close = async (): Promise<void> => {
    cell.onClosed.delete(drain.airflowIsBack);
    drain.close();
    desk.reporter.close();
    indexing.close();
    await mirror.close();
  };
  const dispose = async (): Promise<void> => {
    await close();
    await world.mirror.remove();
    await world.store.destroy();
    for (const lane of [batchLane(world.user), callsWakeLane(world.user)])
      await reconcileQueue(world.queue, lane, []).catch((error: unknown) =>
        world.logger.error(
          'The wake-up list could not be emptied; nothing in it names a record.',
          error,
        ),
      );
  };
  cell.onClosed.add(drain.airflowIsBack);
  desk.tell(logged, log);
  if (!isIndexed) void indexing.inTheBackground();
  const declare = async (declarations: Declarations): Promise<void> => {
    // The transport reads the declarations of the given world.
    given.declarations = world.declarations = declarations;
    if (!(await takeOver(world, desk, declarations))) void indexing.inTheBackground();
    // Reads a collection that is new here from its start.
    void drain
      .run('connect')
      .catch((error: unknown) => world.logger.error('A drain failed.', error));
  };
  return {
    world,
    desk,
    pipeline,
    drain,
    wakeUps,
    credentials,
    circuit,
    mirror,
    indexing,
    declare,
    close,
    dispose,
  };
}

/**
 * Puts newer declarations in force; resolves to whether all rows are indexed by the new
 * declarations.
 */
async function takeOver(world: World, desk: Desk, declarations: Declarations): Promise<boolean> {
  world.store.declare(declarations);
  const declared = declaredAs(declarations);
  return desk.write(async (tx) => {
    const before = await tx.replica();
    const after = underDeclarations(before, world, declared);
    await tx.putReplica(after);
    return {
      result: await tx.indexAnew(ROWS_A_SLICE),
      events: [
        ...declarationEvents(before, after, declarations),
        ...(await freeDrafts(tx, after, declarations, makingOf(world))),
      ],
    };
  });
}

/** Returns the state at this moment, with the events that a page missed since its cursor. */
export async function snapshot(
  { world, desk }: OpenReplica,
  seen: { readonly log: string; readonly cursor: number } | undefined,
): Promise<Snapshot> {
  const status = await desk.reporter.status();
  return world.store.read(async (tx) => {
    const { logId } = await tx.replica();
    const head = { status, log: logId, cursor: await tx.cursor(), airflow: world.airflow };
    if (!seen) return { ...head, events: [], complete: true };
    // A cursor of another log says nothing here: the database was wiped meanwhile.
    if (seen.log !== logId) return { ...head, ...(await tx.eventsAfter(0)), complete: false };
    return { ...head, ...(await tx.eventsAfter(seen.cursor)) };
  });
}
