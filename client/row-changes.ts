import type { Row } from '../shared/row.ts';

/** Difference between two results of a query. A row may be both `changed` and `moved`. */
export interface RowChanges<T> {
  readonly added: readonly Row<T>[];
  /** Rows with another value, state, revision or rejection than before. */
  readonly changed: readonly Row<T>[];
  /** The fewest rows that must be moved to get from the old order to the new. */
  readonly moved: readonly Row<T>[];
  /** Rows of the old result that the new result lacks, unchanged. */
  readonly removed: readonly Row<T>[];
}

/** Compares two results of a query, in their order. */
export function rowChanges<T>(before: readonly Row<T>[], after: readonly Row<T>[]): RowChanges<T> {
  const places = new Map(before.map(({ id }, place) => [id, place]));
  const now = new Set(after.map(({ id }) => id));
  const kept = after.filter(({ id }) => places.has(id));
  const placeOf = ({ id }: Row<T>): number => places.get(id) ?? -1;
  const still = inOrder(kept.map(placeOf));
  return {
    added: after.filter(({ id }) => !places.has(id)),
    changed: kept.filter((row) => JSON.stringify(row) !== JSON.stringify(before[placeOf(row)])),
    moved: kept.filter((row) => !still.has(placeOf(row))),
    removed: before.filter(({ id }) => !now.has(id)),
  };
}

/** Returns the members of a longest increasing subsequence (patience sorting, Fredman 1975). */
function inOrder(numbers: readonly number[]): ReadonlySet<number> {
  /** Per length the smallest last member of a subsequence, and per member the one before it. */
  const ends: number[] = [];
  const previous = new Map<number, number | undefined>();
  for (const number of numbers) {
    let low = 0;
    for (let high = ends.length; low < high;) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    previous.set(number, ends[low - 1]);
    ends[low] = number;
  }
  const members = new Set<number>();
  for (let last = ends.at(-1); last !== undefined; last = previous.get(last)) members.add(last);
  return members;
}
