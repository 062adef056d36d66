import { useEffect, useState } from 'preact/hooks';
import type { Conflict, DeadLetter, OutboxEntry, Row } from '../../client/index.ts';
import type { Collections, Inspection, Site } from './collections.ts';
import { newestFirst } from './newest-first.ts';
import type { Client } from './use-updraft.ts';

const ROWS_MAX = 5_000;

/** Reads now and after each change of the collection. One read at a time: a burst of changes ends in one more read. */
function useLive<T>(client: Client | undefined, collection: keyof Collections, read: (client: Client) => Promise<T>): T | undefined {
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

/** All a person sees of their inspections. */
export interface Inspections {
  readonly rows: readonly Row<Inspection>[];
  readonly conflicts: readonly Conflict[];
  readonly deadLetters: readonly DeadLetter[];
  readonly outbox: readonly OutboxEntry[];
}

const NOTHING: Inspections = { rows: [], conflicts: [], deadLetters: [], outbox: [] };

export function useInspections(client: Client | undefined): Inspections & { readonly isRead: boolean } {
  const read = useLive(client, 'inspections', async (open): Promise<Inspections> => {
    const [rows, conflicts, deadLetters, outbox] = await Promise.all([
      open.collection('inspections').query({ limit: ROWS_MAX }),
      open.conflicts(),
      open.deadLetters(),
      open.outbox(),
    ]);
    return { rows: newestFirst(rows, outbox), conflicts, deadLetters, outbox };
  });
  return { ...(read ?? NOTHING), isRead: read !== undefined };
}

export function useSites(client: Client | undefined): readonly Site[] {
  return useLive(client, 'sites', async (open) => (await open.collection('sites').query({ index: 'name' })).map(({ value }) => value)) ?? [];
}
