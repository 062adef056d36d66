import type { Policy } from '../../shared/collections.ts';
import type { ConflictReason } from '../../shared/conflict.ts';
import { unreachable } from '../../shared/errors.ts';
import { own, type Doc } from '../../shared/json.ts';
import type { Reason, Verdict } from '../../shared/verdict.ts';
import { applyChange } from './apply-change.ts';
import { applyNet, fieldsTaken, netFields, without } from './net.ts';
import type { Pending, ReplicaRecord } from './record.ts';
import { rejected } from './dead-letter.ts';
import { foldBack, rebaseRecord, withValue, type NewBase } from './rebase-record.ts';
import { arrived } from './arrived.ts';

/** Context of settling, beside the record. */
export interface SettleContext {
  readonly policy: Policy;
  readonly generation: number;
  /** Milliseconds since 1970; a label only. */
  readonly now: number;
  readonly newConflictId: () => string;
  readonly run?: string;
}

const UNREAD: Reason = {
  kind: 'unreadable',
  message:
    'Airflow has changed this record too, into one that this device cannot hold. Send it ' +
    'again once the record is mended there, or discard it.',
};

/** Returns the record after the server's verdict on the sealed change. Pure. */
export function applyVerdict(
  found: ReplicaRecord,
  verdict: Verdict,
  context: SettleContext,
): ReplicaRecord {
  const { policy, generation, newConflictId, run } = context;
  const record = run === undefined ? found : { ...found, run };
  const { sealed, refusals: _, alone: _alone, ...open } = record;
  if (!sealed) return found;
  const sent = applyChange(record.base, sealed, record.id);
  // The old revision stays: otherwise a later change of another device would count as seen.
  const unread = { base: record.base, revision: record.revision };
  const rebased: Rebased = (on, to) =>
    rebaseRecord(on, { revision: verdict.revision, generation, ...to }, policy, newConflictId);
  switch (verdict.verdict) {
    case 'applied':
      // The server wrote exactly this on exactly this base: base := base + mutation.
      return rebased(open, { base: sent, oldBase: sent });
    case 'merged': {
      const base = arrived(verdict.record, record.id);
      if (base === undefined)
        return rebased(open, {
          ...unread,
          base: verdict.dropped ? writtenOf(record, sealed, verdict.dropped) : sent,
          oldBase: sent,
        });
      const back =
        sealed.seen && base ? backOnLive(record, sealed, []) : { record: open, oldBase: sent };
      return rebased(back.record, { base, oldBase: back.oldBase });
    }
    case 'conflicted': {
      const reason: { reason?: ConflictReason } = verdict.reason ? { reason: 'invalid-merge' } : {};
      const base = arrived(verdict.record, record.id);
      const isOnLive = sealed.seen !== undefined && base !== null;
      // Fields without a conflict were written and are in the old base; fields that both sides
      // changed are compared with the base that the author saw.
      const back = isOnLive
        ? backOnLive(record, sealed, verdict.fields)
        : {
            record: foldBack(record, verdict.fields),
            oldBase: writtenOf(record, sealed, verdict.fields),
          };
      // Their record cannot be held here, so no conflict can be shown.
      if (base === undefined)
        return rejected(
          rebased(back.record, { ...unread, base: back.oldBase, oldBase: back.oldBase }),
          UNREAD,
          context.now,
        );
      // A create of the whole record conflicts in fields that the author never touched: there the
      // three-way comparison alone decides.
      const isMarked = verdict.reason !== undefined || (policy === 'ask' && !isOnLive);
      return rebased(back.record, {
        base,
        oldBase: back.oldBase,
        conflicted: isMarked ? verdict.fields : [],
        ...reason,
      });
    }
    case 'rejected':
      return refused(record, verdict, rebased, unread, context.now);
    default:
      return unreachable(verdict);
  }
}

type Rebased = (
  on: ReplicaRecord,
  to: Omit<NewBase, 'revision' | 'generation'> & Partial<NewBase>,
) => ReplicaRecord;

/** Returns the record after a refusal: the change waits as a dead letter or a conflict. */
function refused(
  record: ReplicaRecord,
  verdict: Extract<Verdict, { verdict: 'rejected' }>,
  rebased: Rebased,
  unread: Pick<NewBase, 'base' | 'revision'>,
  now: number,
): ReplicaRecord {
  const base = arrived(verdict.record, record.id);
  // Without a record and with revision 0 the refusal tells nothing of the record: nobody has
  // deleted the record there.
  const isBlank =
    base === null && verdict.revision === 0 && __UPDRAFT_PLANTED_BUG__ !== 'refusal-empties-base';
  const isTold = base !== undefined && !isBlank;
  const back = rebased(foldBack(record), isTold ? { base } : unread);
  if (!back.pending) return withValue(back);
  // A sum or a whole that no record can hold is a conflict: a person chooses between two values
  // instead of guessing from the refusal's words.
  return back.mark?.reason === 'invalid-merge' ? back : rejected(back, verdict.reason, now);
}

/** Returns the base that the author saw, with the written fields of the sealed change. */
function writtenOf(
  { base, id }: ReplicaRecord,
  { net }: Pending,
  refused: '*' | readonly string[],
): Doc | null {
  return applyNet(base, refused === '*' ? undefined : without(net, refused), id);
}

/**
 * Puts back the unwritten part of an edit of a deleted record. The edit travelled as a create and
 * met a record that is there again: fields in conflict (`refused`) and removals, which no create
 * can say, become an edit again. All other fields were written.
 */
function backOnLive(
  record: ReplicaRecord,
  sealed: Pending,
  refused: '*' | readonly string[],
): { readonly record: ReplicaRecord; readonly oldBase: Doc | null } {
  const fields = refused === '*' ? netFields(sealed.net) : [...refused, ...fieldsTaken(sealed.net)];
  const oldBase: Record<string, unknown> = { ...applyChange(record.base, sealed, record.id) };
  for (const field of fields) {
    const seen = own(sealed.seen, field);
    if (seen === undefined) delete oldBase[field];
    else oldBase[field] = seen;
  }
  return { record: foldBack(record, fields), oldBase: oldBase as unknown as Doc };
}
