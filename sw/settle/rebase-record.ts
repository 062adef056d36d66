import type { Policy } from '../../shared/collections.ts';
import type { ConflictReason } from '../../shared/conflict.ts';
import { jsonEquals, own, type Doc } from '../../shared/json.ts';
import { applyNet, compose, netFields, restrict, type Net } from '../outbox/net.ts';
import type { Mark, Pending, ReplicaRecord } from '../store/record.ts';
import { rebase } from './rebase.ts';

/** A new agreement of both sides about one record. */
export interface NewBase {
  readonly base: Doc | null;
  readonly revision: number;
  readonly generation: number;
  /** What base the pending change was made on; the record's own base unless a verdict says otherwise. */
  readonly oldBase?: Doc | null;
  /** Fields the server found in conflict, whatever the rebase finds. */
  readonly conflicted?: '*' | readonly string[];
  readonly reason?: ConflictReason;
}

/** The record on a new base, with what is left of its pending change and the conflicts that come up. Pure; `newConflictId` names a new mark. */
export function rebaseRecord(record: ReplicaRecord, to: NewBase, policy: Policy, newConflictId: () => string): ReplicaRecord {
  const { pending, mark, ...rest } = record;
  const moved: ReplicaRecord = { ...rest, base: to.base, revision: to.revision, generation: to.generation };
  const oldBase = to.oldBase === undefined ? record.base : to.oldBase;
  if (!pending) return withValue(withoutRejection(moved));
  const { net, conflicts } = rebase(pending.net, oldBase, to.base, policy);
  if (!net) return withValue(withoutRejection(moved));
  const next = withPending(moved, { ...pending, net });
  return withValue(withMark(next, remark(mark, net, union(conflicts, to.conflicted ?? []), oldBase, to, newConflictId)));
}

/** The sealed change goes back under what was captured since (`fields`: only that part of it). */
export function foldBack(record: ReplicaRecord, fields: '*' | readonly string[] = '*'): ReplicaRecord {
  const { sealed, pending, ...rest } = record;
  if (!sealed) return record;
  const net = compose(restrict(sealed.net, fields), pending?.net, record.base);
  return net ? withPending(rest, { ...sealed, net, lastSeq: (pending ?? sealed).lastSeq }) : rest;
}

/** The record's value as the page sees it: base, then sealed, then pending. What is settled forgets how often it was refused. */
export function withValue({ refusals, ...record }: ReplicaRecord): ReplicaRecord {
  const value = applyNet(applyNet(record.base, record.sealed?.net, record.id), record.pending?.net, record.id);
  return { ...record, value, ...(refusals !== undefined && (record.sealed || record.pending) ? { refusals } : {}) };
}

export const withPending = (record: ReplicaRecord, pending: Pending): ReplicaRecord => ({ ...record, pending });
const withMark = (record: ReplicaRecord, mark: Mark | undefined): ReplicaRecord => (mark ? { ...record, mark } : record);
const withoutRejection = ({ rejection: _, ...record }: ReplicaRecord): ReplicaRecord => record;

function union(a: '*' | readonly string[], b: '*' | readonly string[]): '*' | readonly string[] {
  return a === '*' || b === '*' ? '*' : [...new Set([...a, ...b])];
}

/** The mark after a rebase: fields that agree again lose theirs; a field keeps the base of its first conflict. */
function remark(
  old: Mark | undefined,
  net: Net,
  found: '*' | readonly string[],
  oldBase: Doc | null,
  to: NewBase,
  newConflictId: () => string,
): Mark | undefined {
  const fields = union(old?.fields ?? [], found);
  const touched = netFields(net);
  const live = fields === '*' ? fields : fields.filter((field) => touched.includes(field));
  if (live.length === 0) return undefined;
  const told = to.reason ?? (old?.reason === 'forked' || old?.reason === 'invalid-merge' ? old.reason : undefined);
  const reason = told ?? reasonOf(live, net, to);
  return { conflictId: old?.conflictId ?? newConflictId(), reason, fields: live, base: old ? mergeBase(old, live, oldBase) : oldBase };
}

function reasonOf(fields: '*' | readonly string[], net: Net, to: NewBase): ConflictReason {
  if (fields !== '*') return 'edited';
  if (net.kind === 'delete') return 'deleted-here';
  return to.base === null ? 'deleted-there' : 'edited';
}

/** Base values: of the first conflict for fields marked already, of the old base for the others. */
function mergeBase(old: Mark, fields: '*' | readonly string[], oldBase: Doc | null): Doc | null {
  if (fields === '*' || old.base === null || oldBase === null) return old.base;
  const base: Record<string, unknown> = { ...old.base };
  for (const field of fields) {
    if (old.fields === '*' || old.fields.includes(field) || jsonEquals(own(old.base, field), own(oldBase, field))) continue;
    if (Object.hasOwn(oldBase, field)) base[field] = oldBase[field];
    else delete base[field];
  }
  return base as unknown as Doc;
}
