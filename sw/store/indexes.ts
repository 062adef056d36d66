import type { Declarations } from '../../shared/collections.ts';
import { own, type Json } from '../../shared/json.ts';
import type { Query } from '../../shared/row.ts';
import type { ReplicaRecord } from './record.ts';

/** Booleans are arrays of their own kind, so that `true` is not 1. */
type Key = string | number | readonly [0] | readonly [1];

/** IndexedDB has no key for booleans, null or objects: false and true become `[0]` and `[1]`, the others are not indexed. */
function toKey(value: Json | undefined): Key | undefined {
  if (typeof value === 'boolean') return value ? [1] : [0];
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}

/** `[collection, index, value]` of each declared index: one multi-entry index serves them all, so a new index needs no database upgrade. */
export function indexKeys(record: ReplicaRecord, declarations: Declarations): [string, string, Key][] {
  const indexes = own(declarations, record.collection)?.indexes ?? [];
  return indexes.flatMap((index) => {
    const key = toKey(own<Json>(record.value, index));
    return key === undefined ? [] : [[record.collection, index, key] as [string, string, Key]];
  });
}

const QUERY_LIMIT_DEFAULT = 1_000;
/** In IndexedDB's order numbers come before strings, and strings before arrays. */
const FIRST = Number.NEGATIVE_INFINITY;
const LAST = [[]];

/** The key range of a query. */
export function queryRange(collection: string, query: Query): { index: string; lower: unknown[]; upper: unknown[]; limit: number } {
  const limit = query.limit ?? QUERY_LIMIT_DEFAULT;
  if (query.index === undefined) return { index: '[collection+id]', lower: [collection, FIRST], upper: [collection, LAST], limit };
  const equals = query.equals === undefined ? undefined : toKey(query.equals);
  return { index: 'ix', lower: [collection, query.index, equals ?? query.from ?? FIRST], upper: [collection, query.index, equals ?? query.to ?? LAST], limit };
}
