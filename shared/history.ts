import * as v from 'valibot';
import type { CallState } from './calls.ts';
import type { TransportName } from './limits.ts';

/** Why the worker looks for work. */
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

/** Where a delivery stands; `sw/outbox/delivery.ts` holds the table of moves. */
export type DeliveryStateKind = 'open' | 'sealed' | 'sending' | 'accepted' | 'waiting' | 'parked' | 'settled' | 'dead';

/** What an attempt came to, before anything was done about it. */
export type AttemptOutcome = 'settle' | 'retry' | 'next-attempt' | 'wait-run' | 'sign-in' | 'hold' | 'refuse';

/** What an attempt of a call came to, before anything was done about it. */
export type CallAttemptOutcome = 'accept' | 'settle' | 'retry' | 'sign-in' | 'hold' | 'die';

/**
 * What the log keeps of the engine's work: kinds, names and numbers. Never text to parse, never a record's contents, never credentials.
 * Every move of a delivery or a call is appended in the same transaction as the move, every attempt with its outcome.
 */
export type HistoryFact =
  | {
      readonly kind: 'delivery-moved';
      readonly deliveryId: string;
      readonly lane: string;
      readonly from: DeliveryStateKind | 'none';
      readonly to: DeliveryStateKind;
      /** What it waits for, is parked for, or died of. */
      readonly why?: string;
      /** ms since 1970: not tried by itself before. */
      readonly retryAt?: number;
    }
  | {
      readonly kind: 'attempt';
      /** Absent: a pull. */
      readonly deliveryId?: string;
      readonly lane: string;
      readonly attempt?: number;
      readonly outcome: AttemptOutcome;
      /** More precisely: the outcome's own kind, for instance `network` or `forbidden`. */
      readonly why?: string;
      /** HTTP status of the last answer; absent where none came. */
      readonly status?: number;
      readonly durationMs: number;
      readonly bytesSent: number;
      readonly bytesReceived: number;
      /** What woke the worker for it. */
      readonly wake: WakeReason;
      readonly via?: TransportName;
    }
  | {
      readonly kind: 'call-moved';
      readonly callId: string;
      readonly lane: string;
      readonly from: CallState['kind'] | 'none';
      readonly to: CallState['kind'];
      /** What it waits for, is parked or held for, died of, or came to. */
      readonly why?: string;
      /** ms since 1970: not tried by itself before. */
      readonly retryAt?: number;
    }
  | {
      readonly kind: 'call-attempt';
      readonly callId: string;
      readonly lane: string;
      /** How often the call has been sent, this time included. 0: something stood in the way before it was sent. */
      readonly attempt: number;
      readonly outcome: CallAttemptOutcome;
      /** More precisely: what it waits for, is parked or held for, died of, or came to. */
      readonly why?: string;
      /** HTTP status of the last answer; absent where none came. */
      readonly status?: number;
      readonly durationMs: number;
      /** What woke the worker for it. */
      readonly wake: WakeReason;
    }
  | { readonly kind: 'circuit'; readonly from: CircuitStateKind; readonly to: CircuitStateKind; readonly failures: number; readonly until?: number };

/** What is known of one attempt once it has ended. */
export type AttemptFact = Extract<HistoryFact, { kind: 'attempt' }>;

export type CallAttemptFact = Extract<HistoryFact, { kind: 'call-attempt' }>;

/** `closed`: Airflow answers. `open`: it is in trouble, nothing is sent before a time. `half-open`: one probe is on its way. */
export type CircuitStateKind = 'closed' | 'open' | 'half-open';

/** One line of the log. `seq` grows; `at` is ms since 1970 by the device's clock, a label. */
export type HistoryEntry = HistoryFact & { readonly seq: number; readonly at: number };

export const HISTORY_KINDS = ['delivery-moved', 'call-moved', 'attempt', 'call-attempt', 'circuit'] as const satisfies readonly HistoryFact['kind'][];

/** Which entries to read, the newest first. */
export const HistoryFilterSchema = v.object({
  kinds: v.exactOptional(v.array(v.picklist(HISTORY_KINDS))),
  /** Only what happened at this time (ms since 1970) or later. */
  since: v.exactOptional(v.pipe(v.number(), v.finite())),
  limit: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
export type HistoryFilter = v.InferOutput<typeof HistoryFilterSchema>;
