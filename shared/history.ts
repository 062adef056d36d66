import * as v from 'valibot';
import type { CallState } from './calls.ts';
import type { ConflictReason } from './conflict.ts';
import type { TransportName } from './limits.ts';

/** Reason why the worker looks for work. */
export type WakeReason =
  | 'capture'
  | 'timer'
  | 'heartbeat'
  | 'sync-event'
  | 'periodic-sync'
  | 'connect'
  | 'online'
  | 'visible'
  | 'sign-in'
  | 'person'
  | 'news'
  | 'airflow-back'; // another lane's probe was answered

/** State of a delivery; `sw/state/delivery.ts` holds the table of moves. */
export type DeliveryStateKind =
  | 'open'
  | 'sealed'
  | 'sending'
  | 'accepted'
  | 'waiting'
  | 'parked'
  | 'settled'
  | 'dead';

/** Outcome of an attempt, before any consequence. */
export type AttemptOutcome =
  | 'settle'
  | 'retry'
  | 'next-attempt'
  | 'wait-run'
  | 'sign-in'
  | 'hold'
  | 'refuse'
  | 'turned-away';

/** Outcome of a call's attempt, before any consequence. */
export type CallAttemptOutcome =
  | 'accept'
  | 'settle'
  | 'retry'
  | 'sign-in'
  | 'hold'
  | 'turned-away'
  | 'die';

/**
 * A fact in the history of the engine's work: kinds, names and numbers. Never text to parse, never
 * a record's contents, never credentials. Every move of a delivery or a call is appended in the
 * transaction of the move, every attempt together with the outcome.
 */
export type HistoryFact =
  | {
      readonly kind: 'delivery-moved';
      readonly deliveryId: string;
      readonly lane: string;
      readonly from: DeliveryStateKind | 'none';
      readonly to: DeliveryStateKind;
      /** Reason for waiting, for being parked, or for the death. */
      readonly why?: string;
      /** Not tried by itself before this time, ms since 1970. */
      readonly retryAt?: number;
    }
  | {
      readonly kind: 'attempt';
      /** Absent for a pull. */
      readonly deliveryId?: string;
      readonly lane: string;
      readonly attempt?: number;
      readonly outcome: AttemptOutcome;
      /** The outcome's own kind, for instance `network` or `forbidden`. */
      readonly why?: string;
      /** HTTP status of the last answer; absent without an answer. */
      readonly status?: number;
      readonly durationMs: number;
      readonly bytesSent: number;
      readonly bytesReceived: number;
      /** Reason of the wake-up that led to this attempt. */
      readonly wake: WakeReason;
      readonly via?: TransportName;
    }
  | {
      readonly kind: 'call-moved';
      readonly callId: string;
      readonly lane: string;
      readonly from: CallState['kind'] | 'none';
      readonly to: CallState['kind'];
      /** Reason for waiting, for being parked or held, or for the death; or the result. */
      readonly why?: string;
      /** Not tried by itself before this time, ms since 1970. */
      readonly retryAt?: number;
    }
  | {
      readonly kind: 'call-attempt';
      readonly callId: string;
      readonly lane: string;
      /**
       * Number of times the call has been sent, this time included. 0: an obstacle came before
       * sending.
       */
      readonly attempt: number;
      readonly outcome: CallAttemptOutcome;
      /**
       * The reason in more detail: for waiting, for being parked or held, or for the death; or the
       * result.
       */
      readonly why?: string;
      /** HTTP status of the last answer; absent without an answer. */
      readonly status?: number;
      readonly durationMs: number;
      /** Reason of the wake-up that led to this attempt. */
      readonly wake: WakeReason;
    }
  | {
      readonly kind: 'circuit';
      readonly from: CircuitStateKind;
      readonly to: CircuitStateKind;
      readonly failures: number;
      readonly until?: number;
    }
  | {
      /** The app's resolver was asked about a conflict, in a person's place. */
      readonly kind: 'conflict-decided';
      readonly collection: string;
      readonly id: string;
      readonly reason: ConflictReason;
      /** Choice of each field; absent where a person has to decide. */
      readonly choices?: { readonly [field: string]: 'mine' | 'theirs' | 'value' };
      /** Why a person has to decide: `threw`, or the kind of the error. */
      readonly why?: string;
    };

/** An attempt that has ended. */
export type AttemptFact = Extract<HistoryFact, { kind: 'attempt' }>;

export type CallAttemptFact = Extract<HistoryFact, { kind: 'call-attempt' }>;

/**
 * `closed`: Airflow answers. `open`: Airflow is in trouble, nothing is sent before a time.
 * `half-open`: a probe is under way.
 */
export type CircuitStateKind = 'closed' | 'open' | 'half-open';

/** An entry of the history. `seq` grows; `at` is ms since 1970 by the device's clock, a label. */
export type HistoryEntry = HistoryFact & { readonly seq: number; readonly at: number };

export const HISTORY_KINDS = [
  'delivery-moved',
  'call-moved',
  'attempt',
  'call-attempt',
  'circuit',
  'conflict-decided',
] as const satisfies readonly HistoryFact['kind'][];

/** Filter of the entries to read, the newest first. */
export const HistoryFilterSchema = v.strictObject({
  kinds: v.exactOptional(v.array(v.picklist(HISTORY_KINDS))),
  /** Only entries of this time (ms since 1970) or later. */
  since: v.exactOptional(v.pipe(v.number(), v.finite())),
  limit: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
export type HistoryFilter = v.InferOutput<typeof HistoryFilterSchema>;
