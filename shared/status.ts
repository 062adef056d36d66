import type { WakeReason } from './history.ts';
import type { TransportName } from './limits.ts';

/** The replica's state, for a status bar. Kinds to switch on, never text to parse. */
export interface Status {
  readonly user: string;
  readonly replicaId: string;
  readonly online: boolean;
  readonly phase: 'idle' | 'sending' | 'pulling' | 'waiting';
  /**
   * Set while work is left and nothing moves: the reason (`for`), the number of failures in a row,
   * and the time of the next attempt (`until`, ms since 1970; absent: no time is set). `message`:
   * the words of Airflow, or of a server in Airflow's place: plain text to show beside the kind,
   * never to parse.
   */
  readonly waiting?: {
    readonly for: WaitingFor;
    readonly until?: number;
    readonly failures: number;
    readonly message?: string;
  };
  /** Mutations not settled yet, conflicts and dead letters included. */
  readonly unsent: number;
  /** Queued Airflow calls that are not in Airflow yet. Dead calls are counted as dead letters. */
  readonly pendingCalls: number;
  /** Calls in Airflow that are polled until the end. */
  readonly followedCalls: number;
  readonly conflicts: number;
  readonly deadLetters: number;
  /** Records kept here unfinished, until they fit their schema; absent: none. */
  readonly drafts?: number;
  readonly auth: AuthState;
  /** How the worker is woken for the remaining work, as far as this worker has seen. */
  readonly wake?: Wake;
  /** The DAG run of the batch under way (dag transport). */
  readonly run?: string;
  readonly lastExchangeAt?: number;
  /** Bytes of the exchanges' bodies since this replica was made. */
  readonly bytes?: { readonly sent: number; readonly received: number };
  /** When the oldest change under way or ready to be sent was captured, ms since 1970. */
  readonly oldestAt?: number;
  /** How the last exchange travelled. */
  readonly via?: TransportName;
  /** Whether Airflow tells of news by itself there; absent before the first exchange. */
  readonly live?: boolean;
  /** False until the first pull of this replica is complete. */
  readonly ready: boolean;
  /**
   * `best-effort`: the browser may clear the database when space is short, and in a private window
   * clears it on closing.
   */
  readonly durability: Durability;
  /** Set while unsent work of a user who has signed out is hidden here. */
  readonly locked?: true;
  /**
   * Set while records of Airflow are missing here, because the browser had no room. `sync()` reads
   * the missing records.
   */
  readonly partial?: true;
  /** Number of stored rows that could not be read, and are neither read nor sent. */
  readonly quarantined?: number;
  /**
   * Set while the newest collections.json cannot be used: the problem, for developers. The last
   * good file stays in force.
   */
  readonly declarations?: { readonly problem: string };
  /**
   * Number of records that Airflow has and this device cannot hold, a thousand at most: each comes
   * as soon as mended in Airflow.
   */
  readonly keptOut?: number;
  /** Set when the browser has lost this user's database. */
  readonly storageLost?: StorageLoss;
  /**
   * Place among the statuses of a worker, since replies and events may overtake each other: the
   * higher number is newer. A worker that starts anew has a new name.
   */
  readonly order?: { readonly worker: string; readonly number: number };
}

/** Returns the newer of a user's two statuses; of two workers' statuses, `arrived`. */
export function newerStatus(known: Status | undefined, arrived: Status): Status {
  return known?.order &&
    known.order.worker === arrived.order?.worker &&
    known.order.number > arrived.order.number
    ? known
    : arrived;
}

/**
 * Whether Airflow tells of news by itself. An earlier worker names only the transport: of the two
 * that there were, the plugin is the one that tells.
 */
export const isLive = ({ live, via }: Status): boolean => live ?? via === 'plugin';

/**
 * Work that was not in Airflow yet when the browser lost the database; the part that was not
 * restored is gone from this device.
 */
export interface StorageLoss {
  /** When the loss was noticed, ms since 1970. */
  readonly at: number;
  /** Records with changes that were not settled, as last counted. */
  readonly unsent: number;
  /** Number of those records that were restored. */
  readonly restored: number;
  /** Queued calls that were lost. */
  readonly calls: number;
}

/** The working ways to wake the worker. */
export interface Wake {
  /**
   * `sync`: the browser wakes the worker by itself, with no page open. `page`: an open page must;
   * this browser has no Background Sync, or refused it.
   */
  readonly by?: 'sync' | 'page';
  /** Reason of the worker's last wake-up, and its time (ms since 1970). */
  readonly last?: WakeReason;
  readonly lastAt?: number;
}

/** Event or person that a waiting replica waits for. */
export type WaitingFor =
  | 'network' // the browser reports offline, or the request did not get through
  | 'airflow' // an outage: Airflow answered with an error, or a gateway did instead, or nobody
  // something else answers at Airflow's address: a wrong path or server, or a network's own page
  | 'not-airflow'
  // requests are redirected to another address, as sign-in pages of networks and proxies do
  | 'sign-in-page'
  // this batch is refused, other requests are answered: a split finds the refused record
  | 'refused-on-the-way'
  | 'run' // the DAG run is queued or running
  | 'sign-in' // no valid credentials
  | 'other-user' // the session in this browser is another user's
  | 'dag-missing'
  // and the DAG may not carry these collections, or this worker's configuration forbids the DAG
  | 'plugin-missing'
  | 'dag-paused'
  | 'forbidden' // the user lacks a right in Airflow
  | 'store' // Airflow answers, but its Updraft store is not configured, unreadable or silent
  | 'update' // provider and worker speak different protocol versions
  // the browser has no room, or its database cannot be used: nothing moves until storage works
  // again
  | 'storage'
  | 'person'; // conflicts, dead letters and drafts only

export type Durability = 'persistent' | 'best-effort';

export type AuthState = 'ok' | 'required' | 'unknown';
