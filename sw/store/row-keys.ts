import * as v from 'valibot';
import type { Indexes } from './indexes.ts';

const MadeSchema = v.object({ by: v.string(), upTo: v.exactOptional(v.string()) });
type Made = v.InferOutput<typeof MadeSchema>;

/** Sorts before every id. */
const BEFORE_IDS = '';

/**
 * How the keys of a replica's rows were made, by collection. A row gets its keys when written, by
 * the declaration of that time; so a new index lacks the rows written before.
 * `by` is the signature of the declaration; with `upTo` only rows up to that id are certain to have
 * such keys. Stored in the same transaction as the rows. A writer with another declaration, an
 * app's worker before or after this one, removes the collection's entry.
 */
export class RowKeys {
  readonly #made: Map<string, Made>;
  constructor(made: ReadonlyMap<string, Made> = new Map()) {
    this.#made = new Map(made);
  }

  /** Reads the stored form. A corrupt entry counts as unknown: its rows are indexed anew. */
  static of(stored: unknown): RowKeys {
    if (typeof stored !== 'object' || stored === null) return new RowKeys();
    return new RowKeys(
      new Map(
        Object.entries(stored).flatMap(([collection, made]): [string, Made][] => {
          const parsed = v.safeParse(MadeSchema, made);
          return parsed.success ? [[collection, parsed.output]] : [];
        }),
      ),
    );
  }

  /** The stored form. */
  get row(): Readonly<Record<string, Made>> | undefined {
    return this.#made.size === 0 ? undefined : Object.fromEntries(this.#made);
  }

  /** Whether every row of the collection has the keys of these indexes. */
  isWhole(indexes: Indexes, collection: string): boolean {
    const made = this.#made.get(collection);
    return made?.by === indexes.signatureOf(collection) && made.upTo === undefined;
  }

  /** Returns the id after which rows may have other keys. */
  madeUpTo(indexes: Indexes, collection: string): string {
    const made = this.#made.get(collection);
    return made?.by === indexes.signatureOf(collection) ? (made.upTo ?? BEFORE_IDS) : BEFORE_IDS;
  }

  /** Notes that rows of the collection are written with keys of these indexes. */
  madeBy(indexes: Indexes, collection: string): void {
    if (this.#made.get(collection)?.by !== indexes.signatureOf(collection))
      this.#made.delete(collection);
  }

  /** Notes that rows up to this id, or all rows, now have keys of these indexes. */
  madeAnew(indexes: Indexes, collection: string, upTo: string | undefined): void {
    const by = indexes.signatureOf(collection);
    this.#made.set(collection, upTo === undefined ? { by } : { by, upTo });
  }
}
