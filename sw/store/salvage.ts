import type { Doc } from '../../shared/json.ts';
import { ElementsByField } from '../../shared/mutation.ts';
import type { Parts } from '../record/edit-part.ts';
import { compose, netFields, partsOf, type Edit, type Net } from '../record/net.ts';
import { isStoredNet, isStoredValue, StoredDocSchema, StoredViewSchema } from './stored-schema.ts';
import type { Quarantined } from './quarantine-rows.ts';
import * as v from 'valibot';

/** The readable part of a damaged record. */
export interface Salvage {
  readonly collection: string;
  readonly id: string;
  /** The readable part of the unsent change; undefined if nothing is readable. */
  readonly net: Net | undefined;
  /** Whether `net` is the whole unsent change. */
  readonly isWhole: boolean;
  /** The record before the change; undefined: unknown. */
  readonly base: Doc | null | undefined;
  /** The record as the page saw it, if readable. */
  readonly value: Doc | null;
  /** Number of the last capture in the change; undefined if unreadable. */
  readonly lastSeq: number | undefined;
}

type Bag = Readonly<Record<string, unknown>>;
/** The value's fields; none for a value that is no object. */
export const bag = (value: unknown): Bag =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Bag) : {};
/** The number of a capture; undefined if unreadable. */
export const seqOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;

/** States of a call that Airflow has, or that a person has given up. */
const AFTER_SENDING: readonly unknown[] = ['accepted', 'following', 'settled', 'discarded'];

/**
 * Whether a call's row holds work that is not in Airflow. Keys and state may be damaged: without a
 * sign that the call is past its sending, the call counts as unsent.
 */
export function isUnsentCall(row: unknown): boolean {
  const { turn, dead, followed, settledAt, state } = bag(row);
  if (turn !== undefined || dead !== undefined) return true;
  return (
    followed === undefined && settledAt === undefined && !AFTER_SENDING.includes(bag(state)['kind'])
  );
}

/** Whether a row in quarantine holds unsent work. */
export function isUnsent({
  table,
  row,
  settled,
}: Pick<Quarantined, 'table' | 'row' | 'settled'>): boolean {
  const { pending, sealed, unsettled } = bag(row);
  if (settled) return false;
  if (table === 'records')
    return pending !== undefined || sealed !== undefined || unsettled !== undefined;
  return table === 'calls' && isUnsentCall(row);
}

/**
 * Reads the readable part of a damaged record. Returns undefined for a record that cannot be
 * identified or has nothing unsent.
 */
export function salvage(found: Quarantined): Salvage | undefined {
  const { collection, id, base, value, sealed, pending } = bag(found.row);
  if (
    found.table !== 'records' ||
    !isUnsent(found) ||
    typeof collection !== 'string' ||
    typeof id !== 'string'
  )
    return undefined;
  const parts = [sealed, pending].filter((part) => part !== undefined).map(bag);
  const seen = parts
    .map((part) => part['seen'])
    .find((doc): doc is Doc => v.is(StoredDocSchema, doc));
  const readBase = base === null || v.is(StoredDocSchema, base) ? base : undefined;
  const net = parts
    .map((part) => netOf(part['net']))
    .reduce<Net | undefined>(
      (all, part) => compose(all, part, readBase ?? seen ?? null),
      undefined,
    );
  return {
    collection,
    id,
    net,
    isWhole:
      !found.hasTexts && net !== undefined && parts.every((part) => isStoredNet(part['net'])),
    base: readBase === null ? (seen ?? null) : readBase,
    value: v.is(StoredViewSchema, value) ? value : null,
    lastSeq: seqOf(parts.at(-1)?.['lastSeq']),
  };
}

/** Returns the valid part of a net change. */
function netOf(net: unknown): Net | undefined {
  const { kind, set, removed, inc, elements } = bag(net);
  if (kind === 'delete') return { kind: 'delete' };
  const validFields = (fields: unknown, isValid: (value: unknown) => boolean): [string, never][] =>
    Object.entries(bag(fields)).filter(
      (field): field is [string, never] => field[0] !== '__proto__' && isValid(field[1]),
    );
  const edit: Edit & Parts = {
    kind: 'edit',
    set: Object.fromEntries(validFields(set, isStoredValue)),
    removed: Array.isArray(removed) ? removed.filter((field) => typeof field === 'string') : [],
    inc: Object.fromEntries(validFields(inc, Number.isFinite)),
    elements: Object.fromEntries(
      validFields(elements, (of) => v.is(ElementsByField, { field: of })),
    ),
  };
  return netFields(edit).length > 0 ? { kind: 'edit', ...partsOf(edit) } : undefined;
}
