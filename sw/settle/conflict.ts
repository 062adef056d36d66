import type { Choice, Conflict, Resolution } from '../../shared/conflict.ts';
import { UpdraftError } from '../../shared/errors.ts';
import { own, type Json } from '../../shared/json.ts';
import { compose, dropEqual, without, type Net } from '../outbox/net.ts';
import type { Pending, ReplicaRecord } from '../store/record.ts';
import { withValue } from './rebase-record.ts';

/** The conflict of a marked record, as a person is shown it. */
export function conflictOf(record: ReplicaRecord): Conflict | undefined {
  const { mark } = record;
  if (!mark) return undefined;
  const value = (doc: ReplicaRecord['base'], field: string): Json | undefined => own(doc, field);
  const fields =
    mark.fields === '*'
      ? ('*' as const)
      : mark.fields.map((field) => ({ field, base: value(mark.base, field), mine: value(record.value, field), theirs: value(record.base, field) }));
  return {
    id: mark.conflictId,
    collection: record.collection,
    recordId: record.id,
    reason: mark.reason,
    fields,
    base: mark.base,
    mine: record.value,
    theirs: record.base,
    theirsRevision: record.revision,
  };
}

/**
 * The record after a person chose. `theirs` drops what is pending, `mine` or a value is a new mutation on this base (numbered `seq`).
 * Throws `conflict-moved` when the other side changed since the conflict was shown, `bad-choice` when a field has no choice.
 */
export function resolveConflict(record: ReplicaRecord, shown: { readonly theirsRevision: number; readonly choices: Resolution }, seq: number): ReplicaRecord {
  const { mark, pending, ...rest } = record;
  if (!mark || !pending) throw new UpdraftError('not-found', 'This conflict is resolved already.');
  if (record.revision !== shown.theirsRevision)
    throw new UpdraftError('conflict-moved', 'The other side changed again since this conflict was shown. Look at the new version and choose again.');
  const net = mark.fields === '*' ? chooseWhole(pending.net, shown.choices) : chooseFields(pending.net, mark.fields, shown.choices);
  const left = net && dropEqual(net, record.base);
  if (!left) return withValue(withoutRejection(rest));
  const next: Pending = { ...pending, net: left, lastSeq: seq };
  return withValue({ ...withoutRejection(rest), pending: next });
}

const withoutRejection = ({ rejection: _, ...record }: ReplicaRecord): ReplicaRecord => record;

function chooseWhole(net: Net, choices: Resolution): Net | undefined {
  const choice = own(choices, '*');
  if (!choice || !('take' in choice))
    throw new UpdraftError(
      'bad-choice',
      'This conflict is about the record as a whole. Resolve it with { "*": { take: "mine" } } or { "*": { take: "theirs" } }.',
    );
  return choice.take === 'mine' ? net : undefined;
}

function chooseFields(net: Net, fields: readonly string[], choices: Resolution): Net | undefined {
  return fields.reduce<Net | undefined>((left, field) => choose(left, field, own(choices, field)), net);
}

function choose(net: Net | undefined, field: string, choice: Choice | undefined): Net | undefined {
  if (!choice)
    throw new UpdraftError(
      'bad-choice',
      `The field "${field}" is in conflict and has no choice. Give each field { take: "mine" }, { take: "theirs" } or { value: … }.`,
    );
  if ('value' in choice) return compose(net && without(net, [field]), { kind: 'edit', set: { [field]: choice.value }, removed: [], inc: {} }, null);
  return choice.take === 'mine' || !net ? net : without(net, [field]);
}
