import type { Table } from 'dexie';
import * as v from 'valibot';
import { unreachable } from '../../shared/errors.ts';
import type { StoredRecord, Tables } from './database.ts';
import { DeliverySchema, RecordSchema, ReplicaSchema } from './stored-schema.ts';

const SCHEMAS = { records: RecordSchema, deliveries: DeliverySchema, replica: ReplicaSchema } as const;
export type CheckedTable = keyof typeof SCHEMAS;

/** A row that makes no sense, as it was found. */
export interface Poisoned {
  readonly table: CheckedTable;
  readonly row: unknown;
  /** What is wrong with it; never its contents. */
  readonly why: string;
}
export type QuarantineTable = Table<Poisoned & { readonly at: number }, number>;

/** What is wrong with a stored row; undefined: nothing. */
export function whyPoisoned(table: CheckedTable, row: unknown): string | undefined {
  const parsed = v.safeParse(SCHEMAS[table], row);
  if (parsed.success) return undefined;
  return `${v.getDotPath(parsed.issues[0]) ?? 'the row'} is not what Updraft writes`;
}

/** The rows that make sense; the others are noted. */
export function sound<T>(table: CheckedTable, rows: readonly T[], poisoned: Poisoned[]): T[] {
  return rows.filter((row) => {
    const why = whyPoisoned(table, row);
    if (why !== undefined) poisoned.push({ table, row, why });
    return why === undefined;
  });
}

/**
 * Moves rows where nothing reads them. One that has been written anew meanwhile is only noted; one that is gone was found by two readers at once, and is
 * noted already.
 */
export async function moveToQuarantine(tables: Tables, poisoned: readonly Poisoned[], at: number): Promise<void> {
  for (const found of poisoned) {
    const { get, remove } = rowOf(tables, found);
    const now = await get();
    if (now === undefined) continue;
    await tables.quarantine.add({ ...found, at });
    if (whyPoisoned(found.table, now) !== undefined) await remove();
  }
}

/** The row has its key in it, or the browser would not have stored it. */
function rowOf(tables: Tables, { table, row }: Poisoned): { get: () => PromiseLike<unknown>; remove: () => PromiseLike<void> } {
  const { collection, id, deliveryId } = row as StoredRecord & { deliveryId: string };
  switch (table) {
    case 'records':
      return { get: () => tables.records.get([collection, id]), remove: () => tables.records.delete([collection, id]) };
    case 'deliveries':
      return { get: () => tables.deliveries.get(deliveryId), remove: () => tables.deliveries.delete(deliveryId) };
    case 'replica':
      return { get: () => tables.replica.get('replica'), remove: () => tables.replica.delete('replica') };
    default:
      return unreachable(table);
  }
}
