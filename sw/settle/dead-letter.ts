import { UpdraftError } from '../../shared/errors.ts';
import type { MutationLetter, RequestedChange } from '../../shared/row.ts';
import type { Reason } from '../../shared/verdict.ts';
import { captureChange } from '../capture/capture-change.ts';
import type { Net } from '../outbox/net.ts';
import type { ReplicaRecord } from '../store/record.ts';

/** What a person changes about a refused change before it travels again. */
export interface LetterEdit {
  /** An object of fields; checked as every capture is. */
  readonly set?: unknown;
  readonly removed?: readonly string[];
}

/** The record with what the server said no to. It stays so until a person does something about it. */
export function rejected(record: ReplicaRecord, reason: Reason, at: number): ReplicaRecord {
  return { ...record, rejection: { reason, at }, refusals: (record.refusals ?? 0) + 1 };
}

/** The dead letter of a refused record, as a person is shown it. */
export function deadLetterOf({ collection, id, rejection, refusals = 1, pending, value }: ReplicaRecord): MutationLetter | undefined {
  if (!rejection || !pending) return undefined;
  return { kind: 'mutation', collection, id, change: requested(pending.net), value, reason: rejection.reason, at: rejection.at, attempts: refusals };
}

const requested = (net: Net): RequestedChange => (net.kind === 'delete' ? { op: 'delete' } : { op: 'edit', set: net.set, removed: net.removed, inc: net.inc });

/**
 * The refused record, free to travel again, as it was or edited (the edit is capture number `seq`).
 * Throws `not-found` when nothing of it is refused, and what a capture throws for a bad edit; then all stays as it was.
 */
export function retryRecord(record: ReplicaRecord, { set, removed }: LetterEdit, seq: number): ReplicaRecord {
  if (!record.rejection) throw new UpdraftError('not-found', 'Nothing of this record is refused any more. Read the dead letters again.');
  const isEdited = set !== undefined || removed !== undefined;
  const edited = isEdited ? captureChange(record, { op: 'patch', id: record.id, set: set ?? {}, removed: [...(removed ?? [])] }, seq) : record;
  const { rejection: _, ...free } = edited;
  return free;
}
