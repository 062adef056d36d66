import type { BoundTables } from './native.ts';
import type { EventLog } from './event-log.ts';
import { isUnsentCall } from './salvage.ts';

/**
 * Empties everything but the records with unsent changes, their deliveries, calls that are unsent
 * or dead, the replica's row, and the quarantine.
 */
export async function wipeSettled(
  { records, calls, inputs, requests, secrets, history, whole }: BoundTables,
  events: EventLog,
): Promise<void> {
  await records
    .filter((row) => row.unsettled === undefined && !row.pending && !row.sealed)
    .delete();
  await calls.filter((row) => !isUnsentCall(row)).delete();
  for (const table of [inputs, events, requests, secrets, history]) await table.clear();
  await whole.put({ key: 'whole' });
}
