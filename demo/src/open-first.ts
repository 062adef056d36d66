import type { Row } from '../../client/index.ts';
import type { Task } from './collections.ts';

/** Sorts open tasks before done tasks; in each group the latest change is on top. */
export function openFirst(rows: readonly Row<Task>[]): Row<Task>[] {
  const rank = ({ state, revision }: Row<Task>): number =>
    state === 'synced' ? revision : Number.MAX_SAFE_INTEGER;
  return [...rows].sort((a, b) => Number(a.value.done) - Number(b.value.done) || rank(b) - rank(a));
}
