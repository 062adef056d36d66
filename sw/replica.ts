import { TRANSPORT_LIMITS } from '../shared/limits.ts';
import { isPrivate } from '../shared/collections.ts';
import type { Snapshot } from '../shared/messages.ts';
import { callsWakeLane } from './calls/lanes.ts';
import { Desk } from './desk.ts';
import { MirrorWriter } from './mirror-writer.ts';
import { batchLane, ensureOpenDelivery } from './outbox/open-delivery.ts';
import { Pipeline } from './pipeline.ts';
import { Circuit, CircuitCell } from './replay/circuit.ts';
import { reconcileQueue } from './replay/reconcile-queue.ts';
import { isLost, restore } from './settle/restore.ts';
import { parseMirror, type MirrorContent } from './store/mirror.ts';
import type { Replica } from './store/replica.ts';
import type { Credentials } from './transport/credentials.ts';
import type { World } from './world.ts';

/** How long a page can see what came of a call. */
const SETTLED_KEPT_MS = 7 * 24 * 3_600_000;

/** One user's replica, open: its flow, its state, its credentials. */
export interface OpenReplica {
  readonly world: World;
  readonly desk: Desk;
  readonly pipeline: Pipeline;
  readonly credentials: Credentials;
  /** Asked before anything is sent to Airflow, by every lane. */
  readonly circuit: Circuit;
  readonly mirror: MirrorWriter;
  /** Lets go of it: it does nothing by itself any more. */
  readonly close: () => Promise<void>;
  /** Wipes the replica and its wake-ups from this browser. */
  readonly dispose: () => Promise<void>;
}

/**
 * Opens a user's replica, making it on first use, and mends what a killed worker or an older version left.
 * `cell`: the circuit's state, shared by the replicas of a worker.
 */
export async function openReplica(given: World, credentials: Credentials, cell = new CircuitCell()): Promise<OpenReplica> {
  const mirror = new MirrorWriter(given);
  const world: World = { ...given, store: mirror.watching(given.store), transport: mirror.beside(given.transport) };
  const desk = new Desk(world);
  await findReplica(world, await keptMirror(world));
  const circuit = new Circuit(cell, world, desk);
  circuit.restore((await desk.replica()).circuit);
  const pipeline = new Pipeline(world, desk, circuit);
  const close = async (): Promise<void> => {
    cell.onClosed.delete(pipeline.airflowIsBack);
    pipeline.close();
    await mirror.close();
  };
  const dispose = async (): Promise<void> => {
    await close();
    await world.mirror.remove();
    await world.store.destroy();
    for (const lane of [batchLane(world.user), callsWakeLane(world.user)])
      await reconcileQueue(world.queue, lane, []).catch((error: unknown) =>
        world.logger.error('The wake-up list could not be emptied; nothing in it names a record.', error),
      );
  };
  cell.onClosed.add(pipeline.airflowIsBack);
  return { world, desk, pipeline, credentials, circuit, mirror, close, dispose };
}

/** The replica's row, found, restored or new. */
async function findReplica(world: World, kept: MirrorContent | undefined): Promise<void> {
  const holding = held(world).sort().join(',');
  const deps = { now: world.clock.now(), randomHex: world.random.hex };
  await world.store.write(async (tx) => {
    const found = await tx.findReplica();
    const replica = kept && isLost(found, kept) ? await restore(tx, kept, deps) : found;
    const opened = replica ? holdingNow(replica, holding) : newReplica(world, holding);
    if (replica !== found || !found) await tx.markWhole();
    await tx.putReplica(opened);
    if (replica !== found) await ensureOpenDelivery(tx, opened, deps);
    await tx.pruneAnswers(deps.now);
    await tx.calls.pruneSettled(deps.now - SETTLED_KEPT_MS);
  });
}

/** What the mirror kept of this user's replica. A browser that has no place for it says so by an error, and has none. */
async function keptMirror({ mirror, user, logger }: World): Promise<MirrorContent | undefined> {
  const content = await mirror.read().catch((error: unknown) => logger.error('The mirror could not be read.', error));
  const kept = parseMirror(content);
  return kept?.replica.user === user ? kept : undefined;
}

/** The collections whose changes reach this replica. */
function held({ declarations, transport }: World): string[] {
  return Object.entries(declarations).flatMap(([name, declaration]) => (transport.carriesPrivate || !isPrivate(declaration) ? [name] : []));
}

/** A replica that starts to hold another collection re-reads: its checkpoint is one for all collections. */
function holdingNow(replica: Replica, holding: string): Replica {
  return replica.holding === holding ? replica : { ...replica, holding, since: 0, floor: 0, ready: false };
}

function newReplica({ user, random }: World, holding: string): Replica {
  return {
    user,
    holding,
    replicaId: random.hex(),
    logId: random.hex(),
    epoch: null,
    last: null,
    since: 0,
    floor: 0,
    generation: 1,
    rereading: false,
    ready: false,
    seq: 0,
    mutationsMax: TRANSPORT_LIMITS.plugin.batchMutationsMax,
    backoff: null,
    auth: { kind: 'none', required: null, signIns: 0 },
  };
}

/** The state at this moment, with the events a page missed since its cursor. */
export async function snapshot({ world, desk }: OpenReplica, seen: { readonly log: string; readonly cursor: number } | undefined): Promise<Snapshot> {
  const status = await desk.status();
  return world.store.read(async (tx) => {
    const { logId } = await tx.replica();
    const head = { status, log: logId, cursor: await tx.cursor(), airflow: world.airflow };
    if (!seen) return { ...head, events: [], complete: true };
    // Another log's cursor says nothing here: the database was wiped meanwhile.
    if (seen.log !== logId) return { ...head, ...(await tx.eventsAfter(0)), complete: false };
    return { ...head, ...(await tx.eventsAfter(seen.cursor)) };
  });
}
