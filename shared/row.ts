import type { Call, CallReason, CallRequest } from './calls.ts';
import type { EditParts } from './edit.ts';
import type { Scalar } from './json.ts';
import type { Reason, VerdictName } from './verdict.ts';

/**
 * Progress of a record: kept unfinished (`draft`), on this device, sent and unanswered, agreed with
 * the store, or waiting for a person.
 */
export type RowState = 'draft' | 'local' | 'sending' | 'synced' | 'conflict' | 'rejected';

/** A record from the page's view. */
export interface Row<T = unknown> {
  readonly id: string;
  /** The record from this device's view: the base with all captured changes. */
  readonly value: T;
  readonly state: RowState;
  /** The store's revision of the base; 0 when the store has none. */
  readonly revision: number;
  /** The DAG run that carried the last settled batch of this record (dag transport). */
  readonly run?: string;
  /** Reason of the rejection, in the server's words. */
  readonly rejection?: string;
  /** The mistake in a draft: place (a JSON pointer) and words. The value may be incomplete. */
  readonly draft?: { readonly message: string; readonly path?: string };
}

/** A record's unsettled change. */
export interface OutboxEntry {
  readonly collection: string;
  readonly id: string;
  readonly op: 'edit' | 'delete';
  readonly fields: readonly string[];
  readonly state: Exclude<RowState, 'synced'>;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/**
 * Work that cannot go on without a person: kept until a person decides, with the server's own
 * words.
 */
export type DeadLetter = MutationLetter | CallLetter;

/** A refused change of a record. */
export interface MutationLetter {
  readonly kind: 'mutation';
  readonly collection: string;
  readonly id: string;
  /** The requested change: all unsettled captures of this record as a single change. */
  readonly change: RequestedChange;
  /** The record from this device's view, with the refused change applied; `null` for a deletion. */
  readonly value: unknown;
  /** The server's own words. */
  readonly reason: Reason;
  /** When the change was last refused, ms since 1970. */
  readonly at: number;
  /** Number of times the change was sent and refused. */
  readonly attempts: number;
  /**
   * Set if the device's own row of the record was damaged: the row's number in `quarantine()`. The
   * readable part of the change is here.
   */
  readonly quarantined?: number;
}

export interface CallLetter extends Omit<Call, 'state'> {
  readonly kind: 'call';
  readonly request: CallRequest;
  readonly reason: CallReason;
  /** When the call died, ms since 1970. */
  readonly at: number;
  /**
   * Set if the device's own row of the call was damaged: the row's number in `quarantine()`. The
   * readable part of the request is here.
   */
  readonly quarantined?: number;
}

export type RequestedChange = { readonly op: 'delete' } | ({ readonly op: 'edit' } & EditParts);

/** Names a refused change. */
export type MutationLetterName = Pick<MutationLetter, 'kind' | 'collection' | 'id' | 'quarantined'>;

/**
 * Captured fields that gave way to the other side's, because the collection's policy is
 * `server-wins`. `'*'`: a deletion of the whole record.
 */
export interface Dropped {
  readonly collection: string;
  readonly id: string;
  readonly fields: '*' | readonly string[];
}

/** Result of a captured change. */
export interface Settled {
  readonly collection: string;
  readonly id: string;
  readonly lastSeq: number;
  readonly verdict: VerdictName | 'discarded';
  readonly run?: string;
}

/**
 * A query by a single index, with one condition on it, further fields, order, limit and a place to
 * go on from. An index holds the records whose field is a text, a number, true or false (numbers
 * before texts before booleans). Records without the field, or with null, a list or an object
 * there, are outside the index; `missing` asks for them.
 */
export interface Query {
  /** A declared index, or `id`. Without `index` all records come in the order of their ids. */
  readonly index?: string;
  readonly equals?: string | number | boolean;
  /** Any of these values, 100 at most. */
  readonly in?: readonly (string | number | boolean)[];
  /** Texts that begin with this text, in the same letter case. */
  readonly prefix?: string;
  /** Inclusive, as `to` is. */
  readonly from?: string | number;
  readonly to?: string | number;
  /** Only the records that the index does not hold. */
  readonly missing?: true;
  /**
   * Values of further fields, all of which must be equal; null: the field is null or absent. Reads
   * every row that the index finds, until the limit is met.
   */
  readonly where?: Readonly<Record<string, Scalar>>;
  readonly order?: 'ascending' | 'descending';
  /** 1,000 by default; `more` tells that rows were cut off. */
  readonly limit?: number;
  /** The last row of the answer before, as it was shown: the rows after it come. */
  readonly after?: Pick<Row, 'id' | 'value'>;
}

/** Rows that a query found. */
export interface Rows<T = unknown> extends ReadonlyArray<Row<T>> {
  /** Set if the limit has cut off rows. */
  readonly more?: true;
}
