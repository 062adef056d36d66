import { UpdraftError } from '../../shared/errors.ts';
import { own, type Doc, type Json } from '../../shared/json.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import type { Reason } from '../../shared/verdict.ts';
import { applyChange } from '../record/apply-change.ts';
import { liftRejection } from '../record/dead-letter.ts';
import { fieldsMerged } from '../record/net.ts';
import { isDraft, type ReplicaRecord } from '../record/record.ts';
import { whyAgainst } from './why-against.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Returns a captured record if the schema allows what the record becomes by this device's change.
 * Otherwise the capture must be refused by the server: throws `schema`, or returns the record as a
 * draft, unsent until a later capture makes it fit. `at`: ms since 1970.
 */
export function onTheSpot(
  record: ReplicaRecord,
  schema: JsonSchema,
  asDraft: boolean,
  at: number,
): ReplicaRecord {
  const reason = whyRefused(record, schema);
  if (!reason) return lifted(record);
  if (asDraft)
    return isSame(record.rejection, reason)
      ? record
      : { ...record, rejection: { reason, at, draft: true } };
  throw new UpdraftError(
    'schema',
    `The record does not fit its schema${reason.path ? ` at ${reason.path}` : ''}: ` +
      `${reason.message} Nothing was stored. Correct it, or keep it here with { draft: true }.`,
    reason.path,
  );
}

/** Whether a draft lacks what it lacked before: saved again unchanged, it is no new capture. */
const isSame = (known: ReplicaRecord['rejection'], { message, path }: Reason): boolean =>
  known?.draft === true && known.reason.message === message && known.reason.path === path;

/** Returns a draft that fits by now, free to travel, and any other record unchanged. */
export function freedDraft(record: ReplicaRecord, schema: JsonSchema | undefined): ReplicaRecord {
  return schema && isDraft(record) && !whyRefused(record, schema) ? lifted(record) : record;
}

const lifted = (record: ReplicaRecord): ReplicaRecord =>
  isDraft(record) ? liftRejection(record) : record;

/**
 * Returns why the server must refuse the pending change. Sums and lists as sets are left out: what
 * they become there depends on other devices. A record that broke the schema before this change
 * (under an older schema, or made here before schemas were checked) is left to the server as well.
 */
export function whyRefused(record: ReplicaRecord, schema: JsonSchema): Reason | undefined {
  const { pending, value, base, sealed, id } = record;
  if (!pending || pending.net.kind === 'delete' || !value) return undefined;
  const under = applyChange(base, sealed, id) ?? pending.seen ?? null;
  const reason = whyAgainst(
    schema,
    under ? decided(value, under, fieldsMerged(pending.net)) : value,
  );
  return reason && !(under && whyAgainst(schema, under)) ? reason : undefined;
}

/** Returns the record with these fields as they were before. */
function decided(value: Doc, under: Doc, fields: readonly string[]): Doc {
  if (fields.length === 0) return value;
  const doc: Record<string, Json> = { ...value };
  for (const field of fields) {
    const was = own<Json>(under, field);
    if (was === undefined) delete doc[field];
    else doc[field] = was;
  }
  return doc as Doc;
}

/** Whether a record that does not fit is kept as a draft: sums and lists join one as it is. */
export const keepsDraft = (change: ChangeCommand, before: ReplicaRecord): boolean =>
  change.op === 'put' || change.op === 'add' || change.op === 'patch'
    ? change.draft === true
    : isDraft(before);
