import type { Policy } from '../../shared/collections.ts';
import type { ConflictReason } from '../../shared/conflict.ts';
import { unreachable } from '../../shared/errors.ts';
import type { Verdict } from '../../shared/verdict.ts';
import { applyNet, without } from '../outbox/net.ts';
import type { ReplicaRecord } from '../store/record.ts';
import { rejected } from './dead-letter.ts';
import { foldBack, rebaseRecord, withValue } from './rebase-record.ts';

/** What settling needs to know beside the record. */
export interface SettleContext {
  readonly policy: Policy;
  readonly generation: number;
  /** ms since 1970; a label only. */
  readonly now: number;
  readonly newConflictId: () => string;
  readonly run?: string;
}

/** The record after the server's verdict on its sealed change. Pure. */
export function applyVerdict(record: ReplicaRecord, verdict: Verdict, context: SettleContext): ReplicaRecord {
  const { policy, generation, newConflictId } = context;
  const { sealed, refusals: _, ...unsealed } = record;
  if (!sealed) return record;
  const sent = applyNet(record.base, sealed.net, record.id);
  const stamped: ReplicaRecord = context.run === undefined ? unsealed : { ...unsealed, run: context.run };
  switch (verdict.verdict) {
    case 'applied':
      // The server wrote exactly this on exactly this base: base := base + mutation.
      return rebaseRecord(stamped, { base: sent, revision: verdict.revision, generation, oldBase: sent }, policy, newConflictId);
    case 'merged':
      return rebaseRecord(stamped, { base: verdict.record, revision: verdict.revision, generation, oldBase: sent }, policy, newConflictId);
    case 'conflicted': {
      const back = { ...foldBack(record, verdict.fields), ...(context.run === undefined ? {} : { run: context.run }) };
      // The free fields were written and are in the old base; what both changed is compared with the base its author saw.
      const oldBase = applyNet(record.base, verdict.fields === '*' ? undefined : without(sealed.net, verdict.fields), record.id);
      const conflicted = policy === 'ask' || verdict.reason ? verdict.fields : [];
      const reason: { reason?: ConflictReason } = verdict.reason ? { reason: 'invalid-merge' } : {};
      return rebaseRecord(back, { base: verdict.record, revision: verdict.revision, generation, oldBase, conflicted, ...reason }, policy, newConflictId);
    }
    case 'rejected': {
      const back = rebaseRecord(foldBack(record), { base: verdict.record, revision: verdict.revision, generation }, policy, newConflictId);
      return back.pending ? rejected(back, verdict.reason, context.now) : withValue(back);
    }
    default:
      return unreachable(verdict);
  }
}
