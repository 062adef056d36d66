import type { Choice, Conflict, Resolution } from '../../shared/conflict.ts';
import { UpdraftError } from '../../shared/errors.ts';
import { own, whyNotJson, type Doc, type Json } from '../../shared/json.ts';
import { applyChange, withoutEqual } from './apply-change.ts';
import {
  applyNet,
  compose,
  EMPTY,
  fieldsUnfit,
  netFields,
  restrict,
  without,
  type Net,
} from './net.ts';
import type { Pending, ReplicaRecord } from './record.ts';
import { whyUnfitToSend } from './mark-unfit.ts';
import { withValue } from './rebase-record.ts';

/** Returns the conflict of a marked record, as shown to a person. */
export function conflictOf(record: ReplicaRecord): Conflict | undefined {
  const { mark } = record;
  if (!mark) return undefined;
  const value = (doc: Doc | null, field: string): Json | undefined => own(doc, field);
  const mine = shownAsMine(record, mark.base);
  const fields =
    mark.fields === '*'
      ? ('*' as const)
      : mark.fields.map((field) => ({
          field,
          base: value(mark.base, field),
          mine: value(mine, field),
          theirs: value(record.base, field),
        }));
  return {
    id: mark.conflictId,
    collection: record.collection,
    recordId: record.id,
    reason: mark.reason,
    fields,
    base: mark.base,
    mine,
    theirs: record.base,
    theirsRevision: record.revision,
  };
}

/**
 * Returns the record on this device. An increment that would exceed a number on the other side's
 * value shows the sum that the author saw.
 */
function shownAsMine(
  { base, sealed, pending, value, id }: ReplicaRecord,
  agreed: Doc | null,
): Doc | null {
  const fields = pending ? fieldsUnfit(applyChange(base, sealed, id), pending.net) : [];
  if (!pending || !value || fields.length === 0) return value;
  const seen = applyNet(agreed, restrict(pending.net, fields), id);
  return {
    ...value,
    ...Object.fromEntries(fields.map((field) => [field, own<Json>(seen, field) ?? null])),
  };
}

/**
 * Returns the record after a person chose. `theirs` drops the pending change; `mine` or a value is
 * a new mutation on this base (numbered `seq`). Throws `conflict-moved` when the other side changed
 * since the conflict was shown, `bad-choice` when a field has no choice, `too-large` or `not-json`
 * when the record could not be stored; then the conflict stays unchanged.
 */
export function resolveConflict(
  record: ReplicaRecord,
  shown: { readonly theirsRevision: number; readonly choices: Resolution },
  seq: number,
): ReplicaRecord {
  const { mark, pending, ...rest } = record;
  if (!mark || !pending) throw new UpdraftError('not-found', 'This conflict is resolved already.');
  if (record.revision !== shown.theirsRevision)
    throw new UpdraftError(
      'conflict-moved',
      'The other side changed again since this conflict was shown. Look at the new version ' +
        'and choose again.',
    );
  refuseUnstorable(shown.choices);
  const net =
    mark.fields === '*'
      ? chooseWhole(record, pending.net, shown.choices)
      : chooseFields(pending.net, mark.fields, shown.choices);
  // A sealed change may still alter the base, so the base cannot be compared with yet.
  const left = net && (record.sealed ? net : withoutEqual(record.base, { ...pending, net }));
  if (!left) return withValue(withoutRejection(rest));
  const next: Pending = { ...pending, net: left, lastSeq: seq };
  const resolved = withValue({ ...withoutRejection(rest), pending: next });
  const unfit = whyUnfitToSend(resolved);
  if (unfit)
    throw new UpdraftError(
      unfit.kind,
      `${unfit.message} Choose theirs, or a value with which it fits.`,
    );
  return resolved;
}

const withoutRejection = ({ rejection: _, ...record }: ReplicaRecord): ReplicaRecord => record;

function refuseUnstorable(choices: Resolution): void {
  for (const [field, choice] of Object.entries(choices)) {
    const reason = 'value' in choice ? whyNotJson({ [field]: choice.value }) : undefined;
    if (reason) throw new UpdraftError('not-json', `The chosen value cannot be stored: ${reason}.`);
  }
}

function chooseWhole(
  { base, mark }: ReplicaRecord,
  net: Net,
  choices: Resolution,
): Net | undefined {
  const choice = own(choices, '*');
  // A merge that the other side's record makes invalid may be mended in a single field.
  const fields = netFields(net).filter((field) => Object.hasOwn(choices, field));
  if (!choice && base !== null && mark?.reason === 'invalid-merge' && fields.length > 0)
    return chooseFields(net, fields, choices);
  if (!choice || !('take' in choice))
    throw new UpdraftError(
      'bad-choice',
      'This conflict is about the record as a whole. Resolve it with { "*": ' +
        '{ take: "mine" } } or { "*": { take: "theirs" } }.',
    );
  return choice.take === 'mine' ? net : undefined;
}

function chooseFields(net: Net, fields: readonly string[], choices: Resolution): Net | undefined {
  return fields.reduce<Net | undefined>(
    (left, field) => choose(left, field, own(choices, field)),
    net,
  );
}

function choose(net: Net | undefined, field: string, choice: Choice | undefined): Net | undefined {
  if (!choice)
    throw new UpdraftError(
      'bad-choice',
      `The field "${field}" is in conflict and has no choice. Give each field ` +
        '{ take: "mine" }, { take: "theirs" } or { value: … }.',
    );
  if ('value' in choice)
    return compose(
      net && without(net, [field]),
      { ...EMPTY, set: { [field]: choice.value } },
      null,
    );
  return choice.take === 'mine' || !net ? net : without(net, [field]);
}
