import type { OutboxEntry, Row } from '../../client/index.ts';
import type { Inspection } from './collections.ts';

/**
 * Sorts by date, then unsynced records first, then by Airflow's revision: a record keeps the place
 * while being sent.
 */
export function newestFirst(
  rows: readonly Row<Inspection>[],
  outbox: readonly OutboxEntry[],
): Row<Inspection>[] {
  const captured = new Map(outbox.map(({ id, firstSeq }) => [id, firstSeq]));
  const rank = ({ id, revision }: Row<Inspection>): number =>
    revision === 0 ? Number.MAX_SAFE_INTEGER / 2 + (captured.get(id) ?? 0) : revision;
  return [...rows].sort(
    (a, b) =>
      (b.value.inspected_on ?? '').localeCompare(a.value.inspected_on ?? '') || rank(b) - rank(a),
  );
}
