import type { Policy } from '../../shared/collections.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import type { Dropped } from '../../shared/row.ts';
import { applyChange, withoutEqual } from './apply-change.ts';
import { compose, fieldsTwice, fieldsUnfit, netFields, without, type Net } from './net.ts';
import { markUnfit } from './mark-unfit.ts';
import { questioned } from './mark.ts';
import { rebaseRecord, withValue } from './rebase-record.ts';
import type { Pending, ReplicaRecord } from './record.ts';
import { changeToNet } from './change-to-net.ts';
import { isGone, seenByAuthor, unseenBy, type Seen } from './seen-by-author.ts';

/** Context of a capture, beside the record. `at`: time of the capture, ms since 1970. */
export interface Capturing {
  readonly policy: Policy;
  readonly newConflictId: () => string;
  readonly at?: number;
}

/** `dropped`: fields that gave way to the other side at once, under the policy `server-wins`. */
export interface CapturedChange {
  readonly record: ReplicaRecord;
  readonly dropped: Dropped['fields'];
}

/**
 * Folds a captured change into the record's pending change. Pure. Returns the record itself when
 * there is nothing to do. A later edit of a conflicting field becomes "mine"; an edit of a rejected
 * record lets the record travel again. Fields that the author decided without having seen the
 * present value are in conflict, as if the change had been captured back then and had met the
 * other side's change now. Throws typed errors for bad input.
 */
export function captureChange(
  record: ReplicaRecord,
  change: ChangeCommand,
  seq: number,
  capturing: Capturing,
): CapturedChange {
  const seen = seenByAuthor(change, record);
  const doc = typeof seen === 'object' ? seen : undefined;
  // An unsent deletion on this device is taken back by this change, as by any later put.
  const net = changeToNet(
    change,
    record.id,
    record.value,
    doc && (record.value || isGone(record)) ? doc : record.value,
  );
  return net ? foldIn(record, net, seen, seq, capturing) : { record, dropped: [] };
}

/** Folds in a net change by an author who saw `seen` (undefined: the present record). */
export function foldIn(
  record: ReplicaRecord,
  net: Net,
  seen: Seen,
  seq: number,
  { policy, newConflictId, at }: Capturing,
): CapturedChange {
  const unseen = unseenBy(seen, net, record);
  if (policy === 'server-wins' && unseen.length > 0) {
    if (unseen === '*') return { record, dropped: net.kind === 'delete' ? '*' : netFields(net) };
    const left = without(net, unseen);
    const rest = left ? folded(record, left, undefined, seq, at, newConflictId) : record;
    // Without the dropped fields the rest may be too much for the other side's record.
    return { record: markUnfit(rest, record.base, newConflictId), dropped: unseen };
  }
  const doc = typeof seen === 'object' ? seen : null;
  const after = folded(
    record,
    net,
    unseen === '*' && doc ? doc : undefined,
    seq,
    at,
    newConflictId,
  );
  if (policy === 'client-wins' || !after.pending) return { record: after, dropped: [] };
  const left = netFields(after.pending.net);
  // A field to which both sides gave the same value is no conflict.
  const fields = unseen === '*' ? unseen : unseen.filter((field) => left.includes(field));
  if (fields.length === 0) return { record: after, dropped: [] };
  const reason =
    fields !== '*' ? 'edited' : net.kind === 'delete' ? 'deleted-here' : 'deleted-there';
  return {
    record: {
      ...after,
      mark: questioned(after.mark, { fields, base: doc, reason }, newConflictId),
    },
    dropped: [],
  };
}

/** `seen`: the record that an edit of a deleted record was made on. */
function folded(
  record: ReplicaRecord,
  net: Net,
  seen: Pending['seen'],
  seq: number,
  at: number | undefined,
  newConflictId: () => string,
): ReplicaRecord {
  const { pending, mark, sealed, rejection: _, ...open } = record;
  const rest: ReplicaRecord = sealed ? { ...open, sealed } : open;
  // Later changes are made on the record as the sealed batch will leave the record.
  const under = applyChange(record.base, sealed, record.id) ?? pending?.seen ?? null;
  const all = compose(pending?.net, net, under);
  checkFolded(all);
  checkFolded(compose(sealed?.net, all, record.base));
  const begun: Pick<Pending, 'firstSeq' | 'at' | 'seen'> = pending ?? {
    firstSeq: seq,
    ...(at === undefined ? {} : { at }),
  };
  const { seen: before, ...first } = begun;
  const onto = all?.kind === 'edit' && record.base === null ? (before ?? seen) : undefined;
  const change = all && { net: all, ...(onto ? { seen: onto } : {}) };
  const left = change && (sealed ? change.net : withoutEqual(record.base, change));
  if (!left) return withValue(rest);
  const next: Pending = { ...first, net: left, lastSeq: seq, ...(onto ? { seen: onto } : {}) };
  if (__UPDRAFT_PLANTED_BUG__ === 'base-revision-at-capture')
    Object.assign(next, { baseRevision: record.revision });
  if (!mark) return withValue({ ...rest, pending: next });
  const fields = left.kind === 'delete' ? '*' : mark.fields;
  const marked = { ...rest, pending: next, mark: { ...mark, fields } };
  if (sealed) return withValue(marked);
  // On the same base there is no new conflict; a marked field that agrees again loses the mark.
  return rebaseRecord(
    marked,
    { base: record.base, revision: record.revision, generation: record.generation },
    'ask',
    newConflictId,
  );
}

/**
 * Throws where the changes since the last exchange cannot be folded: increments that add up to more
 * than a number can hold, even if the field's sum does not, and a field that holds a list by now
 * beside an unsent increment of the same field. Such a change could be neither stored nor sent.
 */
function checkFolded(net: Net | undefined): void {
  const [sum] = net ? fieldsUnfit(null, net) : [];
  if (sum !== undefined)
    throw new UpdraftError(
      'not-json',
      `What was added to the field "${sum}" and is not in Airflow yet is more than a ` +
        'number can hold. Send it first.',
    );
  const [both] = net ? fieldsTwice(net) : [];
  if (both !== undefined)
    throw new UpdraftError(
      'not-a-list',
      `The field "${both}" has unsent changes of a number and of a list, because another device ` +
        'has made one of the other. Send or discard the earlier change first.',
    );
}
