import type { WakeReason } from './history.ts';
import type { TransportName } from './limits.ts';

/** What the replica is doing, for a status bar. Kinds to switch on, never text to parse. */
export interface Status {
  readonly user: string;
  readonly replicaId: string;
  readonly online: boolean;
  readonly phase: 'idle' | 'sending' | 'pulling' | 'waiting';
  /** Set while work is left and nothing moves: what for, since when failing, and until when (ms since 1970; absent: until it happens). */
  readonly waiting?: { readonly for: WaitingFor; readonly until?: number; readonly failures: number };
  /** Mutations not settled yet, conflicts and dead letters included. */
  readonly unsent: number;
  /** Queued Airflow calls that are not in Airflow yet. Dead ones are dead letters. */
  readonly pendingCalls: number;
  /** Calls that Airflow has and that are looked at until they end. */
  readonly followedCalls: number;
  readonly conflicts: number;
  readonly deadLetters: number;
  readonly auth: AuthState;
  /** How the worker is woken for what is left, as far as this worker has seen. */
  readonly wake?: Wake;
  /** The DAG run of the batch on its way (dag transport). */
  readonly run?: string;
  readonly lastExchangeAt?: number;
  /** Bytes of the exchanges' bodies since this replica was made. */
  readonly bytes?: { readonly sent: number; readonly received: number };
  /** When the oldest change that is on its way, or may be, was captured, in ms since 1970. */
  readonly oldestAt?: number;
  /** How the last exchange travelled. */
  readonly via?: TransportName;
  /** False until the first pull of this replica is complete. */
  readonly ready: boolean;
  /** `best-effort`: the browser may clear it when space is short, and in a private window does when that closes. */
  readonly durability: Durability;
  /** Set while unsent work of a user who has signed out is hidden here. */
  readonly locked?: true;
  /** Set while records of Airflow are missing here, because the browser had no room for them. `sync()` reads them again. */
  readonly partial?: true;
  /** Stored rows that made no sense, kept where nothing reads or sends them. */
  readonly quarantined?: number;
  /** Set when the browser has lost this user's database. */
  readonly storageLost?: StorageLoss;
}

/** What was not in Airflow yet when the browser lost the database; what was not restored of it is gone from this device. */
export interface StorageLoss {
  /** When it was noticed, ms since 1970. */
  readonly at: number;
  /** Records with changes that were not settled, as last counted. */
  readonly unsent: number;
  /** How many of them are back. */
  readonly restored: number;
  /** Queued calls that are gone. */
  readonly calls: number;
}

/** The rungs that work. */
export interface Wake {
  /** `sync`: the browser wakes the worker by itself, with no page open. `page`: an open page must; this browser has no Background Sync, or refused it. */
  readonly by?: 'sync' | 'page';
  /** What woke the worker last, and when (ms since 1970). */
  readonly last?: WakeReason;
  readonly lastAt?: number;
}

/** What a waiting replica waits for. */
export type WaitingFor =
  | 'network' // the browser says it is offline, or the request did not get through
  | 'airflow' // it answered with an error, or not with an answer of its own
  | 'run' // the DAG run is queued or running
  | 'sign-in' // no valid credentials
  | 'other-user' // the session in this browser is another user's
  | 'dag-missing'
  | 'plugin-missing' // and the DAG may not carry these collections, or not by this worker's configuration
  | 'dag-paused'
  | 'forbidden' // the user lacks a right in Airflow
  | 'update' // provider and worker speak different protocol versions
  | 'storage' // the browser has no room, or its database cannot be used: nothing moves until it can
  | 'person'; // conflicts or dead letters only

export type Durability = 'persistent' | 'best-effort';

export type AuthState = 'ok' | 'required' | 'unknown';
