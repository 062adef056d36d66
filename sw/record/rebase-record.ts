import type { Policy } from '../../shared/collections.ts';
import type { ConflictReason } from '../../shared/conflict.ts';
import type { Doc } from '../../shared/json.ts';
import { applyChange, withoutEqual } from './apply-change.ts';
import { compose, netFields, restrict, type Net } from './net.ts';
import type { Mark, Pending, ReplicaRecord } from './record.ts';
import { markUnfit } from './mark-unfit.ts';
import { mergeBase, union } from './mark.ts';
import { rebase, type Rebased } from './rebase.ts';

/** A new agreement of both sides about one record. */
export interface NewBase {
  readonly base: Doc | null;
  readonly revision: number;
  readonly generation: number;
  /** Base of the pending change; the record's own base unless a verdict says otherwise. */
  readonly oldBase?: Doc | null;
  /** Fields that the server found in conflict, in addition to those of the rebase. */
  readonly conflicted?: '*' | readonly string[];
  readonly reason?: ConflictReason;
}

/**
 * Returns the record on a new base, with the rest of the pending change and the new conflicts.
 * Pure; `newConflictId` names a new mark.
 */
export function rebaseRecord(
  record: ReplicaRecord,
  to: NewBase,
  policy: Policy,
  newConflictId: () => string,
): ReplicaRecord {
  const { pending, mark, ...rest } = record;
  const moved: ReplicaRecord = {
    ...rest,
    base: to.base,
    revision: to.revision,
    generation: to.generation,
  };
  if (!pending) return withValue(withoutRejection(moved));
  const oldBase = (to.oldBase === undefined ? record.base : to.oldBase) ?? pending.seen ?? null;
  const { net, conflicts } = rebasePending(pending, oldBase, to.base, policy);
  if (!net) return withValue(withoutRejection(moved));
  const next = withPending(moved, changed(pending, net, to.base === null ? oldBase : null));
  const marked = withMark(
    next,
    remark(mark, net, union(conflicts, to.conflicted ?? []), oldBase, to, newConflictId),
  );
  return markUnfit(withValue(marked), oldBase, newConflictId);
}

/**
 * Rebases the pending change. An edit of a record that was deleted before is no new conflict; once
 * the record is back, the edit is rebased from the record that the author saw.
 */
function rebasePending(
  pending: Pending,
  oldBase: Doc | null,
  base: Doc | null,
  policy: Policy,
): Rebased {
  if (base === null && pending.seen)
    return { net: withoutEqual(base, pending), conflicts: [], dropped: [] };
  return rebase(pending.net, oldBase, base, policy);
}

/**
 * Returns the pending change with another net; `seen`: the record that an edit of a deleted record
 * was made on.
 */
function changed({ seen: _, ...pending }: Pending, net: Net, seen: Doc | null): Pending {
  return { ...pending, net, ...(seen && net.kind === 'edit' ? { seen } : {}) };
}

/**
 * Puts the sealed change (`fields`: a part) back under the change captured since. The caller has
 * yet to compute the record's value.
 */
export function foldBack(
  record: ReplicaRecord,
  fields: '*' | readonly string[] = '*',
): ReplicaRecord {
  const { sealed, pending, ...rest } = record;
  if (!sealed) return record;
  const net = compose(restrict(sealed.net, fields), pending?.net, sealed.seen ?? record.base);
  if (!net) return rest;
  return withPending(rest, {
    ...changed(sealed, net, sealed.seen ?? null),
    lastSeq: (pending ?? sealed).lastSeq,
  });
}

/** Returns the record with the whole sealed change pending again, on the base of the sealing. */
export function unsealed(record: ReplicaRecord, newConflictId: () => string): ReplicaRecord {
  return markUnfit(withValue(foldBack(record)), record.base, newConflictId);
}

/**
 * Returns the record with the value for the page: base, then sealed, then pending. A settled record
 * forgets its count of refusals.
 */
export function withValue({ refusals, alone, ...record }: ReplicaRecord): ReplicaRecord {
  const { base, sealed, pending, id } = record;
  const value = applyChange(applyChange(base, sealed, id), pending, id);
  if (!sealed && !pending) return { ...record, value };
  return {
    ...record,
    value,
    ...(refusals === undefined ? {} : { refusals }),
    ...(alone ? { alone } : {}),
  };
}

export const withPending = (record: ReplicaRecord, pending: Pending): ReplicaRecord => ({
  ...record,
  pending,
});
const withMark = (record: ReplicaRecord, mark: Mark | undefined): ReplicaRecord =>
  mark ? { ...record, mark } : record;
const withoutRejection = ({ rejection: _, ...record }: ReplicaRecord): ReplicaRecord => record;

/**
 * Returns the mark after a rebase. Fields that agree again lose their mark; a field keeps the base
 * of its first conflict.
 */
function remark(
  old: Mark | undefined,
  net: Net,
  found: '*' | readonly string[],
  oldBase: Doc | null,
  to: NewBase,
  newConflictId: () => string,
): Mark | undefined {
  // The conflict about the deletion is over once the record is back.
  const isBack = old?.reason === 'deleted-there' && to.base !== null;
  const fields = union(isBack ? [] : (old?.fields ?? []), found);
  const touched = netFields(net);
  const live = fields === '*' ? fields : fields.filter((field) => touched.includes(field));
  if (live.length === 0) return undefined;
  const told =
    to.reason ??
    (old?.reason === 'forked' || old?.reason === 'invalid-merge' ? old.reason : undefined);
  const reason = told ?? reasonOf(live, net, to);
  return {
    conflictId: old?.conflictId ?? newConflictId(),
    reason,
    fields: live,
    base: old ? mergeBase(old, live, oldBase) : oldBase,
  };
}

function reasonOf(fields: '*' | readonly string[], net: Net, to: NewBase): ConflictReason {
  if (fields !== '*') return 'edited';
  if (net.kind === 'delete') return 'deleted-here';
  return to.base === null ? 'deleted-there' : 'edited';
}
