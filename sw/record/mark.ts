import type { ConflictReason } from '../../shared/conflict.ts';
import { jsonEquals, own, type Doc } from '../../shared/json.ts';
import { whyUnfit } from './why-unfit.ts';
import type { Mark } from './record.ts';

export function union(
  a: '*' | readonly string[],
  b: '*' | readonly string[],
): '*' | readonly string[] {
  return a === '*' || b === '*' ? '*' : [...new Set([...a, ...b])];
}

/** Fields newly in conflict. `base`: the record when both sides last agreed. */
export interface Question {
  readonly fields: '*' | readonly string[];
  readonly base: Doc | null;
  readonly reason: ConflictReason;
}

/** Returns the mark with the further conflict. */
export function questioned(
  old: Mark | undefined,
  { fields, base, reason }: Question,
  newConflictId: () => string,
): Mark {
  if (!old) return { conflictId: newConflictId(), reason, fields, base };
  const all = union(old.fields, fields);
  return {
    ...old,
    reason: old.fields === '*' ? old.reason : reason,
    fields: all,
    base: mergeBase(old, all, base),
  };
}

/** Base values: of the first conflict for fields marked already, of the old base for all others. */
export function mergeBase(
  old: Mark,
  fields: '*' | readonly string[],
  oldBase: Doc | null,
): Doc | null {
  if (fields === '*' || old.base === null || oldBase === null) return old.base;
  const base: Record<string, unknown> = { ...old.base };
  for (const field of fields) {
    if (
      old.fields === '*' ||
      old.fields.includes(field) ||
      jsonEquals(own(old.base, field), own(oldBase, field))
    )
      continue;
    if (Object.hasOwn(oldBase, field)) base[field] = oldBase[field];
    else delete base[field];
  }
  const merged = base as unknown as Doc;
  // Several states put together may be more than a record can hold; the old base alone never is.
  return whyUnfit(merged) ? oldBase : merged;
}
