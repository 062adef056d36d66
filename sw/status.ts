import type { Durability, Status, StorageLoss, Wake } from '../shared/status.ts';
import { runOf, type Delivery } from './outbox/delivery.ts';
import type { ReplicaTx } from './store/replica-tx.ts';
import type { Replica } from './store/replica.ts';

/** What the drain is doing at this moment; not stored, since a killed worker does nothing. */
export type Activity = 'idle' | 'sending' | 'pulling';

/** What only the running worker knows. */
export interface Now {
  readonly activity: Activity;
  readonly online: boolean;
  readonly wake: Wake | undefined;
  readonly durability: Durability;
  /** Since the storage failed a drain, until one ends well. */
  readonly trouble: Trouble | undefined;
}

/** `until`: when the storage is tried again, ms since 1970. */
export interface Trouble {
  readonly failures: number;
  readonly until: number;
}

/** What of the status an exchange tells Airflow. */
export type Standing = Pick<Status, 'unsent' | 'oldestAt' | 'waiting' | 'wake'>;

/** How the device stands when it begins an exchange. */
export async function standingOf(tx: ReplicaTx, replica: Replica, { online, wake, trouble }: Now): Promise<Standing> {
  const oldestAt = await oldestOf(tx);
  const waiting = trouble ? { for: 'storage' as const, ...trouble } : stillFailing(replica, online);
  return {
    unsent: await tx.unsent(),
    ...(oldestAt === undefined ? {} : { oldestAt }),
    ...(waiting ? { waiting } : {}),
    ...(wake === undefined ? {} : { wake }),
  };
}

/** When the oldest change that is on its way, or may be, was captured (ms since 1970). */
async function oldestOf(tx: ReplicaTx): Promise<number | undefined> {
  const onItsWay = (await tx.deliveries()).find(({ oldestAt }) => oldestAt !== undefined);
  return onItsWay ? onItsWay.oldestAt : (await tx.sendable(1))[0]?.pending?.at;
}

/** The status, from the replica alone and what the worker knows now. */
export async function statusOf(tx: ReplicaTx, replica: Replica, now: Now): Promise<Status> {
  // Asked for together: one after the other each would wait behind whatever else is read meanwhile.
  const [counts, deliveries, quarantined, isWhole] = await Promise.all([tx.counts(), tx.deliveries(), tx.quarantined(), tx.isWhole()]);
  // Where none is left the browser would go through all that were settled.
  const oldestAt = counts.unsent > 0 ? await oldestOf(tx) : undefined;
  const run = deliveries.map(runOf).find((runId) => runId !== undefined);
  const moves = now.activity === 'idle' ? waitingOf(replica, deliveries, counts, now.online) : stillFailing(replica, now.online);
  const waiting = now.trouble ? { for: 'storage' as const, ...now.trouble } : moves;
  return {
    user: replica.user,
    replicaId: replica.replicaId,
    online: now.online,
    phase: now.activity !== 'idle' ? now.activity : waiting ? 'waiting' : 'idle',
    ...(waiting ? { waiting } : {}),
    ...counts,
    auth: replica.auth.required || replica.auth.kind === 'none' ? 'required' : replica.lastExchangeAt === undefined ? 'unknown' : 'ok',
    ...(now.wake === undefined ? {} : { wake: now.wake }),
    ...(run === undefined ? {} : { run }),
    ...(replica.lastExchangeAt === undefined ? {} : { lastExchangeAt: replica.lastExchangeAt }),
    ...(replica.bytes === undefined ? {} : { bytes: replica.bytes }),
    ...(oldestAt === undefined ? {} : { oldestAt }),
    ...(replica.via === undefined ? {} : { via: replica.via }),
    ready: replica.ready,
    durability: now.durability,
    ...(replica.lockedAt === undefined ? {} : { locked: true as const }),
    ...(isWhole ? {} : { partial: true as const }),
    ...(quarantined > 0 ? { quarantined } : {}),
    ...(replica.lost ? { storageLost: lossOf(replica.lost) } : {}),
  };
}

/** Without what is the engine's own business. */
export const lossOf = ({ at, unsent, restored, calls }: StorageLoss): StorageLoss => ({ at, unsent, restored, calls });

type Waiting = Status['waiting'];

/** While a repeated attempt is under way the page still sees that the last ones failed, and what another lane has met meanwhile. */
function stillFailing({ backoff, auth }: Replica, online: boolean): Waiting {
  if (auth.required) return { for: auth.required === 'other-user' ? 'other-user' : 'sign-in', failures: backoff?.failures ?? 0 };
  if (backoff?.for === 'network' && online) return undefined;
  return backoff && backoff.failures > 0
    ? { for: backoff.for, failures: backoff.failures, ...(backoff.until === undefined ? {} : { until: backoff.until }) }
    : undefined;
}

function waitingOf(
  replica: Replica,
  deliveries: readonly Delivery[],
  counts: { pendingCalls: number; conflicts: number; deadLetters: number },
  online: boolean,
): Waiting {
  const hasWork = deliveries.length > 0 || counts.pendingCalls > 0 || !replica.ready || replica.rereading || replica.backoff !== null;
  if (hasWork) {
    const failures = replica.backoff?.failures ?? 0;
    if (replica.auth.required === 'other-user') return { for: 'other-user', failures };
    if (replica.auth.required || replica.auth.kind === 'none') return { for: 'sign-in', failures };
    const until = replica.backoff?.until === undefined ? {} : { until: replica.backoff.until };
    if (!online) return { for: 'network', failures, ...until };
    return replica.backoff ? { for: replica.backoff.for, failures, ...until } : undefined;
  }
  return counts.conflicts + counts.deadLetters > 0 ? { for: 'person', failures: 0 } : undefined;
}
