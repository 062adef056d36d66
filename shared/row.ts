import type { Call, CallReason, CallRequest } from './calls.ts';
import type { Json } from './json.ts';
import type { Reason, VerdictName } from './verdict.ts';

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

/** A change of one record that the server refused. */
export interface MutationLetter {
  readonly kind: 'mutation';
  readonly collection: string;
  readonly id: string;
  /** What was asked for: all captures of this record that were not settled, as one change. */
  readonly change: RequestedChange;
  /** The record as this device sees it, the refused change in it; `null` where the change deletes it. */
  readonly value: unknown;
  /** The server's own words. */
  readonly reason: Reason;
  /** ms since 1970, when it was last refused. */
  readonly at: number;
  /** How often it was sent and refused. */
  readonly attempts: number;
}

export interface CallLetter extends Omit<Call, 'state'> {
  readonly kind: 'call';
  readonly request: CallRequest;
  readonly reason: CallReason;
  /** When it died (ms since 1970). */
  readonly at: number;
}

export type RequestedChange =
  | { readonly op: 'delete' }
  | {
      readonly op: 'edit';
      readonly set: Readonly<Record<string, Json>>;
      readonly removed: readonly string[];
      readonly inc: Readonly<Record<string, number>>;
    };

/** Names a refused change. */
export type MutationLetterName = Pick<MutationLetter, 'kind' | 'collection' | 'id'>;

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
