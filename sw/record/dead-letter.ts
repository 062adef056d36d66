import { UpdraftError } from '../../shared/errors.ts';
import type { MutationLetter, RequestedChange } from '../../shared/row.ts';
import type { Reason } from '../../shared/verdict.ts';
import { captureChange } from './capture-change.ts';
import { partsOf, type Net } from './net.ts';
import type { ReplicaRecord } from './record.ts';

/** A person's edit of a refused change, before the change travels again. */
export interface LetterEdit {
  /** An object of fields, checked like every capture. */
  readonly set?: unknown;
  readonly removed?: readonly string[];
}

/** Returns the refused record. The change stays until a person edits or discards the change. */
export function rejected(record: ReplicaRecord, reason: Reason, at: number): ReplicaRecord {
  return { ...record, rejection: { reason, at }, refusals: (record.refusals ?? 0) + 1 };
}

/** Returns the dead letter of a refused record, as shown to a person. */
export function deadLetterOf({
  collection,
  id,
  rejection,
  refusals = 1,
  pending,
  value,
}: ReplicaRecord): MutationLetter | undefined {
  if (!rejection || rejection.draft || !pending) return undefined;
  return {
    kind: 'mutation',
    collection,
    id,
    change: requested(pending.net),
    value,
    reason: rejection.reason,
    at: rejection.at,
    attempts: refusals,
  };
}

/** Returns a net change in the words of the page. */
export const requested = (net: Net): RequestedChange =>
  net.kind === 'delete' ? { op: 'delete' } : { op: 'edit', ...partsOf(net) };

/**
 * Returns the refused record, free to travel again, unchanged or edited (the edit is capture number
 * `seq`). Throws `not-found` when the record is not refused, and a capture's errors for a bad edit;
 * then nothing was changed.
 */
export function retryRecord(
  record: ReplicaRecord,
  { set, removed }: LetterEdit,
  seq: number,
  newConflictId: () => string,
): ReplicaRecord {
  if (!record.rejection)
    throw new UpdraftError(
      'not-found',
      'Nothing of this record is refused any more. Read the dead letters again.',
    );
  const isEdited = set !== undefined || removed !== undefined;
  return liftRejection(
    isEdited ? editRecord(record, { set, removed: removed ?? [] }, seq, newConflictId) : record,
  );
}

/** Returns the record, free to travel again. */
export function liftRejection({ rejection: _, ...free }: ReplicaRecord): ReplicaRecord {
  return free;
}

/** Returns the record with a person's edit. Throws a capture's errors. */
export function editRecord(
  record: ReplicaRecord,
  { set, removed = [] }: LetterEdit,
  seq: number,
  newConflictId: () => string,
): ReplicaRecord {
  const edit = { op: 'patch' as const, id: record.id, set: set ?? {}, removed: [...removed] };
  return captureChange(record, edit, seq, { policy: 'ask', newConflictId }).record;
}
