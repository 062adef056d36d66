import type { ChangeCommand } from '../../shared/messages.ts';
import { compose, applyNet, dropEqual } from '../outbox/net.ts';
import { rebaseRecord, withValue } from '../settle/rebase-record.ts';
import type { Pending, ReplicaRecord } from '../store/record.ts';
import { changeToNet } from './change-to-net.ts';

/**
 * Folds one captured change into the record's pending change. Pure. Returns the record itself when there is nothing to do.
 * A later edit of a conflicting field IS mine; an edit of a rejected record lets it travel again. `at`: when, ms since 1970.
 * Throws typed errors for bad input.
 */
export function captureChange(record: ReplicaRecord, change: ChangeCommand, seq: number, at?: number): ReplicaRecord {
  const net = changeToNet(change, record.id, record.value);
  if (!net) return record;
  // Later changes are made on what will be there once the sealed batch has arrived.
  const under = applyNet(record.base, record.sealed?.net, record.id);
  const folded = compose(record.pending?.net, net, under);
  const left = folded && (record.sealed ? folded : dropEqual(folded, under));
  const { pending, mark, rejection: _, ...rest } = record;
  if (!left) return withValue(rest);
  const first = pending ?? { firstSeq: seq, ...(at === undefined ? {} : { at }) };
  const next: Pending = { ...first, net: left, lastSeq: seq };
  if (__UPDRAFT_PLANTED_BUG__ === 'base-revision-at-capture') Object.assign(next, { baseRevision: record.revision });
  if (!mark) return withValue({ ...rest, pending: next });
  const fields = left.kind === 'delete' ? '*' : mark.fields;
  const marked = { ...rest, pending: next, mark: { ...mark, fields } };
  // On the same base nothing conflicts anew; a marked field that agrees again loses its mark.
  return rebaseRecord(marked, { base: record.base, revision: record.revision, generation: record.generation }, 'ask', () => mark.conflictId);
}
