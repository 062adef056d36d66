import type { ConflictReason } from '../../shared/conflict.ts';
import type { Doc } from '../../shared/json.ts';
import type { Reason } from '../../shared/verdict.ts';
import type { Net } from '../outbox/net.ts';

/** Captured changes of one record, folded into one net change; `firstSeq..lastSeq` are the captures in it. */
export interface Pending {
  readonly net: Net;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** When the first of them was captured, ms since 1970: a label. */
  readonly at?: number;
}

/** A conflict waiting for a person. `base` is the record as it was when both still agreed. */
export interface Mark {
  readonly conflictId: string;
  readonly reason: ConflictReason;
  readonly fields: '*' | readonly string[];
  readonly base: Doc | null;
}

/** One record of the replica: what both sides agreed on, what is on its way, and what is captured since. */
export interface ReplicaRecord {
  readonly collection: string;
  readonly id: string;
  /** The record as the store had it at `revision`; null: deleted or never there. */
  readonly base: Doc | null;
  readonly revision: number;
  /** The record as the page sees it: base, then sealed, then pending. */
  readonly value: Doc | null;
  /** In the sealed batch: unanswered, unchangeable. */
  readonly sealed?: Pending;
  /** Captured since; may still change. */
  readonly pending?: Pending;
  readonly mark?: Mark;
  /** The server refused the pending change; a later edit lifts it. */
  readonly rejection?: { readonly reason: Reason; readonly at: number };
  /** How often what is unsettled was refused; gone when it is settled. */
  readonly refusals?: number;
  /** Which re-read last confirmed the base. A row of an older generation is unverified. */
  readonly generation: number;
  /** DAG run of the last settled batch. */
  readonly run?: string;
}

/** A record that this replica has never heard of. */
export const absent = (collection: string, id: string, generation: number): ReplicaRecord => ({
  collection,
  id,
  base: null,
  revision: 0,
  value: null,
  generation,
});

/** Whether the record's pending change may travel. */
export const isSendable = (record: ReplicaRecord): boolean => record.pending !== undefined && !record.sealed && !record.mark && !record.rejection;

/** Whether anything of this record is left to keep. */
export const isForgettable = (record: ReplicaRecord): boolean => record.base === null && !record.pending && !record.sealed && record.revision === 0;
