import { useEffect, useState } from 'preact/hooks';
import type { Conflict, MutationLetter, OutboxEntry, Row } from '../../client/index.ts';
import type { Collections, Inspection, Site, Task } from './collections.ts';
import { newestFirst } from './newest-first.ts';
import { openFirst } from './open-first.ts';
import type { Client } from './use-updraft.ts';

const ROWS_MAX = 5_000;

/**
 * Reads now and after each change of the collection. Reads never overlap: a burst of changes ends
 * in a single further read.
 */
function useLive<T>(
  client: Client | undefined,
  collection: keyof Collections,
  read: (client: Client) => Promise<T>,
): T | undefined {
  const [value, setValue] = useState<T>();
  useEffect(() => {
    if (!client) return undefined;
    const gone = new AbortController();
    let isReading = false;
    let isStale = false;
    const refresh = async (): Promise<void> => {
      isStale = true;
      if (isReading) return;
      isReading = true;
      while (isStale && !gone.signal.aborted) {
        isStale = false;
        const now = await read(client).catch(() => undefined);
        if (now !== undefined && !gone.signal.aborted) setValue(now);
      }
      isReading = false;
    };
    const stop = client.on('change', (change) => {
      if (change.collection === collection || change.collection === '*') void refresh();
    });
    void refresh();
    return () => {
      gone.abort();
      stop();
    };
  }, [client]);
  return value;
}

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
  client: Client | undefined,
  name: N,
  order: Order<Collections[N]>,
): Records<Collections[N]> {
  const read = useLive(client, name, async (open): Promise<Records<Collections[N]>> => {
    const isOwn = ({ collection }: { readonly collection: string }): boolean => collection === name;
    const [rows, conflicts, deadLetters, outbox] = await Promise.all([
      open.collection(name).query({ limit: ROWS_MAX }),
      open.conflicts(),
      open.deadLetters(),
      open.outbox(),
    ]);
    const own = outbox.filter(isOwn);
    const letters = deadLetters.filter(
      (letter): letter is MutationLetter => letter.kind === 'mutation' && isOwn(letter),
    );
    return {
      rows: order(rows, own),
      conflicts: conflicts.filter(isOwn),
      deadLetters: letters,
      outbox: own,
      isRead: true,
    };
  });
  return read ?? NOTHING;
}

export const useInspections = (client: Client | undefined): Inspections =>
  useRecords(client, 'inspections', newestFirst);

export const useTasks = (client: Client | undefined): Tasks =>
  useRecords(client, 'tasks', openFirst);

export function useSites(client: Client | undefined): readonly Site[] {
  return (
    useLive(client, 'sites', async (open) =>
      (await open.collection('sites').query({ index: 'name' })).map(({ value }) => value),
    ) ?? []
  );
}
