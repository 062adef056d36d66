import { Dexie, type IndexableType, type Table } from 'dexie';
import * as v from 'valibot';
import type { BoundTables, EventGroup, Tables } from './database.ts';
import { Knowledge, type Known } from './known.ts';
import { isNumbered, lastNumber } from './numbered.ts';
import { CallRowSchema, InputsSchema } from './stored-call.ts';
import { HistorySchema } from './stored-history.ts';
import { EventGroupSchema, RequestSchema } from './stored-message.ts';
import { DeliverySchema, RecordSchema, ReplicaSchema } from './stored-schema.ts';

/** Not among them: `secrets`. What cannot be decrypted is dropped, and nothing of it is kept (`transport/token-vault.ts`). */
const SCHEMAS = {
  records: RecordSchema,
  deliveries: DeliverySchema,
  replica: ReplicaSchema,
  calls: CallRowSchema,
  inputs: InputsSchema,
  events: EventGroupSchema,
  requests: RequestSchema,
  history: HistorySchema,
} as const;
export type CheckedTable = keyof typeof SCHEMAS;

/** A row that makes no sense, as it was found. */
export interface Poisoned {
  readonly table: CheckedTable;
  readonly row: unknown;
  /** What is wrong with it; never its contents. */
  readonly why: string;
}
export type QuarantineTable = Table<Poisoned & { readonly at: number }, number>;

type AnyTable = Pick<Table<unknown, IndexableType>, 'get' | 'delete' | 'schema'>;

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
export async function moveToQuarantine(tables: BoundTables, poisoned: readonly Poisoned[], at: number, known: Known): Promise<void> {
  const knowledge = new Knowledge(known, tables.stamps);
  knowledge.wroteUnseen();
  for (const found of poisoned) {
    const table: AnyTable = tables[found.table];
    const key = keyIn(table, found.row);
    const now = await table.get(key);
    if (now === undefined || isLeftBehind(now)) continue;
    await tables.quarantine.add({ ...found, at }, (await lastNumber(tables.quarantine)) + 1);
    if (whyPoisoned(found.table, now) === undefined) continue;
    await table.delete(key);
    await leaveBehind(tables, found.table, key, at);
  }
  await knowledge.sign();
}

/** The row has its key in it, or the browser would not have stored it. */
function keyIn(table: AnyTable, row: unknown): IndexableType {
  return Dexie.getByKeyPath(Object(row), table.schema.primKey.keyPath ?? '') as IndexableType;
}

/** That there was a row may matter though nobody knows what it said: a request was done, and the numbers of events do not fall. */
async function leaveBehind(tables: Tables, table: CheckedTable, key: IndexableType, at: number): Promise<void> {
  if (table === 'requests' && typeof key === 'string') await tables.requests.put({ requestId: key, at, damaged: true });
  if (table === 'events' && isNumbered(key)) await tables.events.put({ cursor: key, events: [] });
}

function isLeftBehind(row: unknown): boolean {
  const { damaged, cursor, events } = Object(row) as { readonly damaged?: unknown } & Partial<EventGroup>;
  return damaged === true || (isNumbered(cursor) && Array.isArray(events) && events.length === 0);
}
