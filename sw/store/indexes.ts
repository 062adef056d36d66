import type { Declarations } from '../../shared/collections.ts';
import { own, type Json } from '../../shared/json.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { IndexKey, MissingKey, StoredRecord } from './rows.ts';

/** Version of the way keys are made of values. A new number makes all rows be indexed anew. */
const KEYS_VERSION = 1;
/** The key of a field that is absent or has no place in an order: null, a list, an object. */
export const MISSING: MissingKey = [2];

/**
 * Returns the index key of a value. IndexedDB has no key for booleans, null or objects: false and
 * true become `[0]` and `[1]`.
 */
export function toKey(value: Json | undefined): IndexKey {
  if (typeof value === 'boolean') return value ? [1] : [0];
  // JSON treats -0 and 0 as equal, so both get the key 0.
  if (typeof value === 'number') return value + 0;
  return typeof value === 'string' ? value : MISSING;
}

/**
 * The indexes of the declarations in force. Queries by `id` use the table's primary key, so no
 * index keys are made for `id`.
 */
export class Indexes {
  readonly #declared: ReadonlyMap<string, readonly string[]>;
  constructor(declarations: Declarations) {
    const fields = ({ indexes }: { readonly indexes: readonly string[] }): string[] =>
      [...new Set(indexes)].filter((index) => index !== 'id').sort();
    this.#declared = new Map(
      Object.entries(declarations).map(([name, declaration]) => [name, fields(declaration)]),
    );
  }

  /** The collections that have an index. */
  get collections(): readonly string[] {
    return [...this.#declared].flatMap(([name, indexes]) => (indexes.length > 0 ? [name] : []));
  }

  /**
   * Returns a text that says how the keys of a collection's rows are made. Rows made under another
   * signature are indexed anew.
   */
  signatureOf(collection: string): string {
    return JSON.stringify([KEYS_VERSION, ...(this.#declared.get(collection) ?? [])]);
  }

  /**
   * Returns `[collection, index, value]` for each declared index. A single multi-entry index serves
   * all, so a new index needs no database upgrade.
   */
  keysOf({ collection, value }: ReplicaRecord): StoredRecord['ix'] {
    // A deleted record keeps its row until forgotten, and appears in no query.
    if (value === null) return [];
    return (this.#declared.get(collection) ?? []).map(
      (index) => [collection, index, toKey(own<Json>(value, index))] as const,
    );
  }
}
