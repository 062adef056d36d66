import { cmp, type IndexableType } from 'dexie';
import { own, type Json, type Scalar } from '../../shared/json.ts';
import type { Query } from '../../shared/row.ts';
import { MISSING, toKey } from './indexes.ts';
import type { StoredRecord } from './rows.ts';

const LIMIT_DEFAULT = 1_000;
/**
 * In IndexedDB's order numbers come before texts, and texts before arrays: false, true, missing.
 */
const FIRST = Number.NEGATIVE_INFINITY;
const LAST_VALUE = [1];
const LAST_ID = [[]];

/** The way to the rows of a query: an index, the part of it that is read, and rows that count. */
export interface QueryPlan {
  readonly index: string;
  /** Keys of the index; undefined: the bounds hold. */
  readonly keys: readonly IndexableType[] | undefined;
  readonly lower: readonly unknown[];
  readonly upper: readonly unknown[];
  /** Whether the upper bound itself is outside. */
  readonly isOpen: boolean;
  readonly limit: number;
  readonly isWanted: (row: StoredRecord) => boolean;
}

/** Whether the query is ordered by id, which every record has. */
export const isById = ({ index = 'id' }: Query): boolean => index === 'id';

/** Returns how a query is read. */
export function queryPlan(collection: string, query: Query): QueryPlan {
  const { index = 'id', prefix, from, to, after, order, limit = LIMIT_DEFAULT } = query;
  const isDescending = order === 'descending';
  const start = isById(query) ? [collection] : [collection, index];
  const only = query.missing
    ? MISSING
    : query.equals === undefined
      ? undefined
      : toKey(query.equals);
  const afterKey = after && keyOf(after, index);
  const lower = [...start, only ?? prefix ?? from ?? FIRST];
  const last = only ?? to ?? (isById(query) ? LAST_ID : LAST_VALUE);
  const next = prefix === undefined ? undefined : textAfter(prefix);
  const upper = [...start, next ?? last];
  const place = [...start, afterKey];
  return {
    index: isById(query) ? '[collection+id]' : 'ix',
    keys: query.in?.map((value) => [...start, toKey(value)] as IndexableType),
    lower: after && !isDescending && cmp(place, lower) > 0 ? place : lower,
    upper: after && isDescending && cmp(place, upper) < 0 ? place : upper,
    isOpen: next !== undefined && !(after && isDescending && cmp(place, upper) < 0),
    limit,
    isWanted: (row) =>
      // Deleted records keep their rows until forgotten, hidden from the page.
      row.value !== null &&
      (!after || isBeyond(row, { after, afterKey, index }, isDescending)) &&
      Object.entries(query.where ?? {}).every(([field, value]) => holds(row, field, value)),
  };
}

interface Place {
  readonly after: NonNullable<Query['after']>;
  readonly afterKey: unknown;
  readonly index: string;
}

/** Whether a row comes after a place in the query's order: by its key, equal keys by the id. */
function isBeyond(row: StoredRecord, { after, afterKey, index }: Place, down: boolean): boolean {
  const order = cmp(keyOf(row, index), afterKey) || cmp(row.id, after.id);
  return down ? order < 0 : order > 0;
}

const keyOf = ({ id, value }: NonNullable<Query['after']>, index: string): unknown =>
  index === 'id' ? id : toKey(own(value as Readonly<Record<string, Json>>, index));

/** Whether a field of a row holds a value. A damaged row counts: reading sets it aside. */
function holds({ value }: StoredRecord, field: string, wanted: Scalar): boolean {
  return typeof value !== 'object' || (own<Json>(value, field) ?? null) === wanted;
}

/** The first text after all texts with this prefix; undefined: there is none. */
function textAfter(prefix: string): string | undefined {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const unit = prefix.charCodeAt(at);
    if (unit < 0xff_ff) return prefix.slice(0, at) + String.fromCharCode(unit + 1);
  }
  return undefined;
}
