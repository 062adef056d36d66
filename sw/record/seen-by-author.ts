import { UpdraftError } from '../../shared/errors.ts';
import { jsonEquals, own, whyNotHeld, type Doc } from '../../shared/json.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import { fieldsDecided, type Net } from './net.ts';
import type { ReplicaRecord } from './record.ts';

/**
 * The record that a change's author saw, according to the caller; `unknown`: a revision that this
 * device no longer holds.
 */
export type Seen = Doc | 'unknown' | undefined;

/**
 * Reads the change's `from`. Throws `not-json` for a value that is neither a record nor a revision,
 * `no-id` for another record.
 */
export function seenByAuthor(change: ChangeCommand, { id, revision, value }: ReplicaRecord): Seen {
  const from = 'from' in change ? change.from : undefined;
  if (from === undefined) return undefined;
  if (typeof from === 'number' && Number.isSafeInteger(from) && from >= 0)
    return from === revision ? (value ?? undefined) : 'unknown';
  if (typeof from !== 'object' || from === null || Array.isArray(from))
    throw new UpdraftError(
      'not-json',
      "What the author saw is neither a record nor a revision. Give { from } with the row's " +
        '"value" as it was shown, or its "revision".',
    );
  const reason = whyNotHeld(from);
  if (reason)
    throw new UpdraftError('not-json', `"from" is no record that was ever shown: ${reason}.`);
  if (isRow(from))
    throw new UpdraftError(
      'not-json',
      '"from" is a row with everything around its record. Give it the row\'s "value" as it ' +
        'was shown, or its "revision".',
    );
  const shown = from as Partial<Doc>;
  if (shown.id !== undefined && shown.id !== id)
    throw new UpdraftError(
      'no-id',
      `"from" is the record "${shown.id}", and the change is about "${id}". Give it the ` +
        'value that this row had when it was shown.',
    );
  return { ...shown, id };
}

/**
 * Whether the caller gave a whole row instead of its value: each field of the record would count as
 * unseen by the author.
 */
function isRow(from: object): boolean {
  const { id, value, state, revision } = from as { readonly [name: string]: unknown };
  return (
    typeof state === 'string' &&
    typeof revision === 'number' &&
    id !== undefined &&
    (Object(value) as { readonly id?: unknown }).id === id
  );
}

/** Whether the record is gone for both sides, without a change captured here. */
export const isGone = ({ base, value, pending, sealed }: ReplicaRecord): boolean =>
  base === null && value === null && !pending && !sealed;

/**
 * Returns the fields that the author decided without having seen the present value, because the
 * other side changed the fields meanwhile. This device's own changes since are no conflict: a later
 * edit replaces an earlier edit on the same device.
 */
export function unseenBy(seen: Seen, net: Net, record: ReplicaRecord): '*' | readonly string[] {
  const { base, value } = record;
  if (seen === undefined) return [];
  const ours = [record.sealed, record.pending].flatMap((change) =>
    change ? fieldsDecided(change.net) : [],
  );
  const isUnseen = (field: string): boolean =>
    seen === 'unknown' ||
    (!ours.includes(field) &&
      !jsonEquals(own(value, field), own(seen, field)) &&
      !jsonEquals(own(base, field), own(seen, field)));
  if (net.kind === 'edit' && isGone(record)) return '*';
  // The other side has no record.
  if (base === null) return [];
  if (net.kind === 'edit') return fieldsDecided(net).filter(isUnseen);
  const all =
    seen === 'unknown' ? [] : [base, value, seen].flatMap((doc) => Object.keys(doc ?? {}));
  return seen === 'unknown' || all.some(isUnseen) ? '*' : [];
}
