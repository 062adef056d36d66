import type { Declarations } from '../shared/collections.ts';
import type { CallsAllowed } from './calls/operations.ts';
import type { Resolvers } from './declarations/resolvers.ts';
import type { Broadcast } from '../shared/messages.ts';
import type { WakeUpQueue } from './wake/wake-up-queue.ts';
import type { Durability } from '../shared/status.ts';
import type { Mirror } from './mirror/mirror.ts';
import type { Store } from './store/replica-store.ts';
import type { AirflowApi } from './calls/airflow-session.ts';
import type { Transport } from './transport/transport.ts';

/** Everything outside the engine. Passed in, so that the whole engine runs in a simulation. */
export interface World {
  readonly user: string;
  /** The app's name on its origin (`store/names.ts`). */
  readonly app: string;
  /** Path or URL of the Airflow API server. */
  readonly airflow: string;
  /** The declarations in force, replaced by newer declarations while the worker runs. */
  declarations: Declarations;
  /** The app's resolvers of conflicts; without them a person decides each. */
  readonly resolvers?: Resolvers;
  /** Why the newest declarations are not in force. */
  readonly declarationsProblem?: () => string | undefined;
  /** Version of the app around Updraft; a label for operators. */
  readonly appVersion?: string;
  readonly store: Store;
  readonly mirror: Mirror;
  readonly queue: WakeUpQueue;
  readonly transport: Transport;
  readonly calls: CallsWorld;
  readonly clock: Clock;
  readonly random: Random;
  readonly locks: Locks;
  readonly logger: Logger;
  readonly isOnline: () => boolean;
  /** How safely the browser keeps the storage. */
  readonly durability: () => Promise<Durability>;
  readonly broadcast: (message: Broadcast) => void;
}

/** The needs of queued Airflow operations. */
export interface CallsWorld {
  readonly allowed: CallsAllowed;
  readonly api: AirflowApi;
}

/** Schedules and labels; decides nothing about correctness (law 11). */
export interface Clock {
  /** ms since 1970 */
  readonly now: () => number;
  /** Calls once after the delay; the returned function cancels. */
  readonly after: (delayMs: number, call: () => void) => () => void;
}

export interface Random {
  /** 20 hex digits. */
  readonly hex: () => string;
  /** In [0, 1). */
  readonly fraction: () => number;
}

/** Web Locks, or a stand-in: one holder per name across all workers that have this replica open. */
export interface Locks {
  readonly exclusive: <T>(name: string, body: () => Promise<T>) => Promise<T>;
}

/**
 * ERROR: someone must look. INFO: a state changed. DEBUG: the rest. Never credentials, never record
 * contents.
 */
export interface Logger {
  readonly error: (message: string, detail?: unknown) => void;
  readonly info: (message: string, detail?: unknown) => void;
  readonly debug: (message: string, detail?: unknown) => void;
}
