import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import type { LoggedEvent } from '../../shared/messages.ts';
import { parseMirror, type MirrorContent } from '../mirror/mirror.ts';
import { isLost, restore } from '../mirror/restore.ts';
import { ensureOpenDelivery } from '../outbox/open-delivery.ts';
import type { Replica } from '../state/replica.ts';
import { ROWS_A_SLICE } from '../store/indexing.ts';
import type { World } from '../world.ts';
import { freeDrafts } from './free-drafts.ts';
import { declarationEvents, holdingOf, underDeclarations } from './under-declarations.ts';

/** How long a page can see the outcome of a call. */
const SETTLED_KEPT_MS = 7 * 24 * 3_600_000;

interface Opened {
  /** Whether all rows are indexed; a few rows are indexed at once. */
  readonly isIndexed: boolean;
  readonly logged: readonly LoggedEvent[];
  readonly log: string;
}

/** Finds, restores or makes the replica's row under these declarations. */
export async function findReplica(
  world: World,
  kept: MirrorContent | undefined,
  declared: string,
): Promise<Opened> {
  const deps = { now: world.clock.now(), randomHex: world.random.hex };
  return world.store.write(async (tx) => {
    const found = await tx.findReplica();
    const replica = kept && isLost(found, kept) ? await restore(tx, kept, deps) : found;
    const opened = {
      ...underDeclarations(replica ?? newReplica(world), world, declared),
      app: world.app,
    };
    if (replica !== found || !found) await tx.markWhole();
    await tx.putReplica(opened);
    if (replica !== found) await ensureOpenDelivery(tx, opened, deps);
    await tx.pruneAnswers(deps.now);
    await tx.calls.pruneSettled(deps.now - SETTLED_KEPT_MS);
    const isChanged = replica && replica.declared !== declared;
    const freed = isChanged ? await freeDrafts(tx, opened, world.declarations, deps) : [];
    const logged = await tx.logEvents([
      ...(replica ? declarationEvents(replica, opened, world.declarations) : []),
      ...freed,
    ]);
    return { isIndexed: await tx.indexAnew(ROWS_A_SLICE), logged, log: opened.logId };
  });
}

/**
 * Returns the mirror's copy of this user's replica. A browser without a place for mirrors ends with
 * an error, and has no copy.
 */
export async function keptMirror({
  mirror,
  user,
  app,
  logger,
}: World): Promise<MirrorContent | undefined> {
  const content = await mirror
    .read()
    .catch((error: unknown) => logger.error('The mirror could not be read.', error));
  const kept = parseMirror(content);
  return kept?.replica.user === user && (kept.replica.app ?? app) === app ? kept : undefined;
}

function newReplica(world: World): Replica {
  const { user, random } = world;
  return {
    user,
    holding: holdingOf(world),
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
