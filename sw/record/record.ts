import type { ConflictReason } from '../../shared/conflict.ts';
import type { Doc } from '../../shared/json.ts';
import type { Reason } from '../../shared/verdict.ts';
import type { Net } from './net.ts';

/** Captured changes of a record as a single net change; `firstSeq..lastSeq` are the captures. */
export interface Pending {
  readonly net: Net;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Time of the first capture, ms since 1970: a label. */
  readonly at?: number;
  /**
   * The record that the edit was made on, if the store has deleted the record since. Only beside a
   * `null` base: the edit stays an edit until sealed.
   */
  readonly seen?: Doc;
}

/** A conflict that waits for a person. `base`: the record when both sides last agreed. */
export interface Mark {
  readonly conflictId: string;
  readonly reason: ConflictReason;
  readonly fields: '*' | readonly string[];
  readonly base: Doc | null;
}

/** A record of the replica: the agreed base, the sealed change, and the changes captured since. */
export interface ReplicaRecord {
  readonly collection: string;
  readonly id: string;
  /** The store's record at `revision`; null: deleted or never there. */
  readonly base: Doc | null;
  readonly revision: number;
  /** The record for the page: base, then sealed, then pending. */
  readonly value: Doc | null;
  /** In the sealed batch: unanswered, unchangeable. */
  readonly sealed?: Pending;
  /** Captured since; may still change. */
  readonly pending?: Pending;
  readonly mark?: Mark;
  /**
   * The server refused the pending change, or would (`draft`: kept here unfinished, as the caller
   * asked); a later edit lifts it.
   */
  readonly rejection?: { readonly reason: Reason; readonly at: number; readonly draft?: true };
  /** Number of refusals of the unsettled change; absent once settled. */
  readonly refusals?: number;
  /**
   * A batch with nothing but this record was refused as a whole: until settled, the record travels
   * in a batch of its own, or other records would be held up again.
   */
  readonly alone?: true;
  /** The re-read that last confirmed the base. A row of an older generation is unverified. */
  readonly generation: number;
  /** DAG run of the last settled batch. */
  readonly run?: string;
}

/** A record unknown to this replica. */
export const absent = (collection: string, id: string, generation: number): ReplicaRecord => ({
  collection,
  id,
  base: null,
  revision: 0,
  value: null,
  generation,
});

/** Whether the record is kept here unfinished, until it fits its schema. */
export const isDraft = ({ rejection }: ReplicaRecord): boolean => rejection?.draft === true;

/** Whether the record's pending change may travel. */
export const isSendable = (record: ReplicaRecord): boolean =>
  record.pending !== undefined && !record.sealed && !record.mark && !record.rejection;

/** Whether the row may be deleted: nothing of the record is left to keep. */
export const isForgettable = (record: ReplicaRecord): boolean =>
  record.base === null && !record.pending && !record.sealed && record.revision === 0;
