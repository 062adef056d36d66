import type { Elements } from './edit.ts';
import { isScalars, jsonEquals, type Json, type Scalar } from './json.ts';

/**
 * Returns the list after the change: elements that leave are taken out, the others keep their
 * order, and missing elements come to the end. A `Set` compares scalars as JSON does: 1 is not
 * `true`, and 1 is 1.0. An absent list is empty, and stays absent where nothing is added. A value
 * that is no list of scalars is returned unchanged.
 */
export function withElements(
  value: Json | undefined,
  { added, removed }: Elements,
): Json | undefined {
  if (value !== undefined && !isScalars(value)) return value;
  const gone = new Set(removed);
  const kept = (value ?? []).filter((element) => !gone.has(element));
  const held = new Set(kept);
  const all = [...kept, ...without(added, held)];
  return value === undefined && all.length === 0 ? undefined : all;
}

/** Returns the change that does `earlier`, then `later`, in every list. */
export function thenElements(earlier: Elements | undefined, later: Elements): Elements {
  if (!earlier) return later;
  const gone = new Set(later.removed);
  const kept = earlier.added.filter((element) => !gone.has(element));
  return {
    added: [...kept, ...without(later.added, new Set(kept))],
    removed: [...new Set([...earlier.removed, ...later.removed])],
  };
}

/** Whether the change makes anything else of the value, or cannot be made of the value at all. */
export const isChanged = (value: Json | undefined, change: Elements | undefined): boolean =>
  change !== undefined &&
  ((value !== undefined && !isScalars(value)) || !jsonEquals(value, withElements(value, change)));

/** Returns the elements that are not held yet, each once. */
const without = (elements: readonly Scalar[], held: ReadonlySet<Scalar>): Scalar[] =>
  [...new Set(elements)].filter((element) => !held.has(element));
