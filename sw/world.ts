import type { Declarations } from '../shared/collections.ts';
import type { CallsAllowed } from './calls/operations.ts';
import type { Broadcast } from '../shared/messages.ts';
import type { WakeUpQueue } from './replay/wake-up-queue.ts';
import type { Durability } from '../shared/status.ts';
import type { Mirror } from './store/mirror.ts';
import type { Store } from './store/replica-store.ts';
import type { AirflowApi } from './transport/airflow-api.ts';
import type { Transport } from './transport/transport.ts';

/** Everything outside the engine. Passed in, so that the whole engine runs in a simulation. */
export interface World {
  readonly user: string;
  /** Path or URL of the Airflow API server. */
  readonly airflow: string;
  readonly declarations: Declarations;
  /** Of the app around Updraft; a label for operators. */
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
  /** How safe the browser keeps what is stored. */
  readonly durability: () => Promise<Durability>;
  readonly broadcast: (message: Broadcast) => void;
}

/** What queued Airflow operations need. */
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

/** Web Locks, or what stands for them: one holder per name across all workers of the origin. */
export interface Locks {
  readonly exclusive: <T>(name: string, body: () => Promise<T>) => Promise<T>;
}

/** ERROR: someone must look. INFO: a state changed. DEBUG: the rest. Never credentials, never record contents. */
export interface Logger {
  readonly error: (message: string, detail?: unknown) => void;
  readonly info: (message: string, detail?: unknown) => void;
  readonly debug: (message: string, detail?: unknown) => void;
}
