import { defined } from '../../shared/defined.ts';
import { TELLS_NEWS } from '../../shared/transports.ts';
import type { Durability, Status, Wake } from '../../shared/status.ts';
import { runOf, type Delivery } from '../state/delivery.ts';
import { damagedLetterOf } from '../store/damaged-letter.ts';
import { isUnsent } from '../store/salvage.ts';
import type { Quarantined } from '../store/quarantine-rows.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../state/replica.ts';
import { lossOf } from '../state/replica.ts';

/** The current activity of the drain; not stored, since a killed worker does nothing. */
export type Activity = 'idle' | 'sending' | 'pulling';

/** State that only the running worker has. */
export interface WorkerState {
  readonly activity: Activity;
  readonly online: boolean;
  readonly wake: Wake | undefined;
  readonly durability: Durability;
  /** Set when the storage fails a drain, cleared when a drain ends well. */
  readonly trouble: StorageTrouble | undefined;
  /** Why the newest declarations are not in force. */
  readonly declarations: string | undefined;
  /** Position of the new status among all statuses. */
  readonly order: NonNullable<Status['order']>;
}

/** `until`: time of the next attempt, ms since 1970. */
export interface StorageTrouble {
  readonly failures: number;
  readonly until: number;
}

/** The part of the status that goes to Airflow with an exchange. */
export type DeviceState = Pick<Status, 'unsent' | 'oldestAt' | 'waiting' | 'wake' | 'keptOut'>;

/** Returns the device's state at the start of an exchange. */
export async function deviceStateOf(
  tx: ReplicaTx,
  replica: Replica,
  { online, wake, trouble }: WorkerState,
): Promise<DeviceState> {
  const oldestAt = await oldestOf(tx);
  const waiting = trouble ? { for: 'storage' as const, ...trouble } : stillFailing(replica, online);
  return {
    unsent: (await tx.unsent()) + (await tx.quarantine.all()).filter(isUnsent).length,
    ...defined({ oldestAt, waiting, wake }),
    ...keptOutOf(replica),
  };
}

/** Returns when the oldest sealed or sendable change was captured (ms since 1970). */
async function oldestOf(tx: ReplicaTx): Promise<number | undefined> {
  const inFlight = (await tx.deliveries()).find(({ oldestAt }) => oldestAt !== undefined);
  return inFlight ? inFlight.oldestAt : (await tx.sendable(1))[0]?.pending?.at;
}

/** Computes the status from the replica store and the running worker's state. */
export async function statusOf(tx: ReplicaTx, replica: Replica, now: WorkerState): Promise<Status> {
  // Requested together: in sequence each read would wait behind other transactions' reads.
  const [own, deliveries, quarantine, isWhole] = await Promise.all([
    tx.counts(),
    tx.deliveries(),
    tx.quarantine.counted(),
    tx.isWhole(),
  ]);
  const counts = withDamaged(own, quarantine.rows);
  // Skipped at zero: the browser would walk over all settled entries.
  const oldestAt = own.unsent > 0 ? await oldestOf(tx) : undefined;
  const run = deliveries.map(runOf).find((runId) => runId !== undefined);
  const moves =
    now.activity === 'idle'
      ? waitingOf(replica, deliveries, counts, now.online)
      : stillFailing(replica, now.online);
  const waiting = now.trouble ? { for: 'storage' as const, ...now.trouble } : moves;
  return {
    user: replica.user,
    replicaId: replica.replicaId,
    online: now.online,
    phase: now.activity !== 'idle' ? now.activity : waiting ? 'waiting' : 'idle',
    ...(waiting ? { waiting } : {}),
    ...counts,
    auth:
      replica.auth.required || replica.auth.kind === 'none'
        ? 'required'
        : replica.lastExchangeAt === undefined
          ? 'unknown'
          : 'ok',
    ...defined({
      wake: now.wake,
      run,
      lastExchangeAt: replica.lastExchangeAt,
      bytes: replica.bytes,
      oldestAt,
    }),
    ...(replica.via === undefined ? {} : { via: replica.via, live: TELLS_NEWS[replica.via] }),
    ready: replica.ready,
    durability: now.durability,
    ...(replica.lockedAt === undefined ? {} : { locked: true as const }),
    ...(isWhole ? {} : { partial: true as const }),
    ...(quarantine.count > 0 ? { quarantined: quarantine.count } : {}),
    ...(now.declarations === undefined ? {} : { declarations: { problem: now.declarations } }),
    ...keptOutOf(replica),
    ...(replica.lost ? { storageLost: lossOf(replica.lost) } : {}),
    order: now.order,
  };
}

/** Adds unsent work in damaged rows, which waits for a person. */
function withDamaged<C extends { readonly unsent: number; readonly deadLetters: number }>(
  counts: C,
  quarantined: readonly Quarantined[],
): C {
  const unsent = quarantined.filter(isUnsent);
  const letters = unsent.filter((found) => damagedLetterOf(found) !== undefined);
  return {
    ...counts,
    unsent: counts.unsent + unsent.length,
    deadLetters: counts.deadLetters + letters.length,
  };
}

const keptOutOf = ({ keptOut }: Replica): Pick<Status, 'keptOut'> =>
  keptOut ? { keptOut: keptOut.length } : {};

type Waiting = Status['waiting'];

/**
 * Returns the failure to show while a repeated attempt runs, so that a page still sees the last
 * failures, including another lane's.
 */
function stillFailing({ backoff, auth }: Replica, online: boolean): Waiting {
  if (auth.required)
    return {
      for: auth.required === 'other-user' ? 'other-user' : 'sign-in',
      failures: backoff?.failures ?? 0,
    };
  if (backoff?.for === 'network' && online) return undefined;
  return backoff && backoff.failures > 0
    ? { for: backoff.for, failures: backoff.failures, ...untilAndWords(backoff) }
    : undefined;
}

function untilAndWords({ until, message }: NonNullable<Replica['backoff']>): {
  readonly until?: number;
  readonly message?: string;
} {
  return defined({ until, message });
}

function waitingOf(
  replica: Replica,
  deliveries: readonly Delivery[],
  counts: Pick<Status, 'pendingCalls' | 'conflicts' | 'deadLetters' | 'drafts'>,
  online: boolean,
): Waiting {
  const hasWork =
    deliveries.length > 0 ||
    counts.pendingCalls > 0 ||
    !replica.ready ||
    replica.rereading ||
    replica.backoff !== null;
  if (hasWork) {
    const failures = replica.backoff?.failures ?? 0;
    if (replica.auth.required === 'other-user') return { for: 'other-user', failures };
    if (replica.auth.required || replica.auth.kind === 'none') return { for: 'sign-in', failures };
    if (!online)
      return {
        for: 'network',
        failures,
        ...defined({ until: replica.backoff?.until }),
      };
    return replica.backoff
      ? { for: replica.backoff.for, failures, ...untilAndWords(replica.backoff) }
      : undefined;
  }
  return counts.conflicts + counts.deadLetters + (counts.drafts ?? 0) > 0
    ? { for: 'person', failures: 0 }
    : undefined;
}
