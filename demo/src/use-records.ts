import { useMemo } from 'preact/hooks';
import { typed, useConflicts, useDeadLetters, useOutbox } from '../../bindings/react/index.ts';
import type { Conflict, MutationLetter, OutboxEntry, Row } from '../../client/index.ts';
import type { Collections, Inspection, Site, Task } from './collections.ts';
import { newestFirst } from './newest-first.ts';
import { openFirst } from './open-first.ts';

const { useQuery } = typed<Collections>();
const ROWS_MAX = 5_000;

/** Everything a person sees of a writable collection. */
export interface Records<T> {
  readonly rows: readonly Row<T>[];
  readonly conflicts: readonly Conflict[];
  readonly deadLetters: readonly MutationLetter[];
  readonly outbox: readonly OutboxEntry[];
  /** False until the device has been read for the first time. */
  readonly isRead: boolean;
}
export type Inspections = Records<Inspection>;
export type Tasks = Records<Task>;

const NOTHING = { rows: [], conflicts: [], deadLetters: [], outbox: [], isRead: false } as const;

type Order<T> = (rows: readonly Row<T>[], outbox: readonly OutboxEntry[]) => Row<T>[];

function useRecords<N extends 'inspections' | 'tasks'>(
  name: N,
  order: Order<Collections[N]>,
): Records<Collections[N]> {
  const { data: rows } = useQuery(name, { limit: ROWS_MAX });
  const { data: conflicts } = useConflicts();
  const { data: deadLetters } = useDeadLetters();
  const { data: outbox } = useOutbox();
  return useMemo(() => {
    if (!rows || !conflicts || !deadLetters || !outbox) return NOTHING;
    const isOwn = ({ collection }: { readonly collection: string }): boolean => collection === name;
    const own = outbox.filter(isOwn);
    return {
      rows: order(rows, own),
      conflicts: conflicts.filter(isOwn),
      deadLetters: deadLetters.filter(
        (letter): letter is MutationLetter => letter.kind === 'mutation' && isOwn(letter),
      ),
      outbox: own,
      isRead: true,
    };
  }, [rows, conflicts, deadLetters, outbox]);
}

export const useInspections = (): Inspections => useRecords('inspections', newestFirst);

export const useTasks = (): Tasks => useRecords('tasks', openFirst);

export function useSites(): readonly Site[] {
  const { data: rows } = useQuery('sites', { index: 'name' });
  return useMemo(() => (rows ?? []).map(({ value }) => value), [rows]);
}
