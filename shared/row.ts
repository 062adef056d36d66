import type { Call, CallReason, CallRequest } from './calls.ts';
import type { VerdictName } from './verdict.ts';

/** How far a record is on its way: on this device, sent and unanswered, agreed with the store, or waiting for a person. */
export type RowState = 'local' | 'sending' | 'synced' | 'conflict' | 'rejected';

/** A record as the page sees it. */
export interface Row<T = unknown> {
  readonly id: string;
  /** The record as this device sees it: the base with everything captured here. */
  readonly value: T;
  readonly state: RowState;
  /** The store's revision of the base; 0 when the store has none. */
  readonly revision: number;
  /** The DAG run that carried the last settled batch of this record (dag transport). */
  readonly run?: string;
  /** Why it was rejected, in the server's words. */
  readonly rejection?: string;
}

/** One record's unsettled change. */
export interface OutboxEntry {
  readonly collection: string;
  readonly id: string;
  readonly op: 'edit' | 'delete';
  readonly fields: readonly string[];
  readonly state: Exclude<RowState, 'synced'>;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** What cannot go on by itself: kept until a person decides, with the server's own words. */
export type DeadLetter = MutationLetter | CallLetter;

export interface MutationLetter {
  readonly kind: 'mutation';
  readonly collection: string;
  readonly id: string;
  readonly reason: { readonly kind: string; readonly message: string };
  readonly value: unknown;
  readonly at: number;
}

export interface CallLetter extends Omit<Call, 'state'> {
  readonly kind: 'call';
  readonly request: CallRequest;
  readonly reason: CallReason;
  /** When it died (ms since 1970). */
  readonly at: number;
}

/** Captured fields that gave way to the other side's, because the collection's policy is `server-wins`. */
export interface Dropped {
  readonly collection: string;
  readonly id: string;
  readonly fields: readonly string[];
}

/** How one captured change ended. */
export interface Settled {
  readonly collection: string;
  readonly id: string;
  readonly lastSeq: number;
  readonly verdict: VerdictName | 'discarded';
  readonly run?: string;
}

/** One index, its bounds, order and limit. Without an index the order is by id. */
export interface Query {
  readonly index?: string;
  readonly equals?: string | number | boolean;
  readonly from?: string | number;
  readonly to?: string | number;
  readonly order?: 'ascending' | 'descending';
  readonly limit?: number;
}
