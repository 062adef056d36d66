import { Dexie, type IndexableType, type Table } from 'dexie';
import * as v from 'valibot';
import { CacheView, type ReadCache } from './read-cache.ts';
import { HeadRows } from './head-rows.ts';
import { isNumbered, lastNumber } from './numbered.ts';
import { CallRowSchema, InputsSchema } from './stored-call.ts';
import { HistorySchema } from './stored-history.ts';
import { EventGroupSchema, RequestSchema } from './stored-message.ts';
import { hasItsKeys } from './stored-record.ts';
import { DeliverySchema, RecordSchema, ReplicaSchema } from './stored-schema.ts';
import type { BoundTables } from './native.ts';
import type { CheckedTable, EventGroup, CorruptRow, StoredRecord, Tables } from './rows.ts';

/** A record whose keys do not follow from it is not found where the engine looks for it. */
const RowOfRecordSchema = v.pipe(
  RecordSchema,
  v.check((record) => hasItsKeys(record as StoredRecord), 'its keys are not those of the record'),
);

/**
 * `secrets` has no schema: a token that cannot be decrypted is deleted, and nothing of the row is
 * kept (`transport/token-vault.ts`).
 */
const SCHEMAS = {
  records: RowOfRecordSchema,
  deliveries: DeliverySchema,
  replica: ReplicaSchema,
  calls: CallRowSchema,
  inputs: InputsSchema,
  events: EventGroupSchema,
  requests: RequestSchema,
  history: HistorySchema,
} satisfies Readonly<Record<CheckedTable, v.GenericSchema>>;

type AnyTable = Pick<Table<unknown, IndexableType>, 'get' | 'delete' | 'schema'>;

/** Returns the fault of a stored row, or undefined for a valid row. */
export function whyCorrupt(table: CheckedTable, row: unknown): string | undefined {
  const parsed = v.safeParse(SCHEMAS[table], row);
  if (parsed.success) return undefined;
  return `${v.getDotPath(parsed.issues[0]) ?? 'the row'} is not what Updraft writes`;
}

/** Returns the valid rows and adds the others to `corrupt`. */
export function validRows<T>(table: CheckedTable, rows: readonly T[], corrupt: CorruptRow[]): T[] {
  return rows.filter((row) => {
    const why = whyCorrupt(table, row);
    if (why !== undefined) corrupt.push({ table, row, why });
    return why === undefined;
  });
}

/**
 * Moves corrupt rows into the quarantine. A row that was rewritten meanwhile is only copied there.
 * A row that is gone was found by two readers at once, and has been moved already.
 */
export async function moveToQuarantine(
  tables: BoundTables,
  corrupt: readonly CorruptRow[],
  at: number,
  readCache: ReadCache,
): Promise<void> {
  const cache = new CacheView(readCache, new HeadRows(tables.native));
  cache.invalidate();
  for (const found of corrupt) {
    const table: AnyTable = tables[found.table];
    const key = keyIn(table, found.row);
    const now = await table.get(key);
    if (now === undefined || isLeftBehind(now)) continue;
    const number = Math.max(await lastNumber(tables.quarantine), await toldNumber(tables));
    await tables.quarantine.add({ ...found, at }, number + 1);
    if (whyCorrupt(found.table, now) === undefined) continue;
    await table.delete(key);
    await leaveBehind(tables, found.table, key, at);
  }
  await cache.writeStamp(tables);
}

/**
 * Returns the highest number that a person was told of. No number is given twice, even after its
 * row was discarded, because every new row must be told.
 */
async function toldNumber({ replica }: Tables): Promise<number> {
  const told: unknown = (await replica.get('replica'))?.quarantinedTold;
  return isNumbered(told) ? told : 0;
}

/**
 * Returns the row's key, which the row must contain: the browser would not have stored the row
 * otherwise.
 */
function keyIn(table: AnyTable, row: unknown): IndexableType {
  return Dexie.getByKeyPath(Object(row), table.schema.primKey.keyPath ?? '') as IndexableType;
}

/**
 * Leaves a placeholder where the mere existence of a row matters: a request stays done, and cursors
 * of events never fall.
 */
async function leaveBehind(
  tables: Tables,
  table: CheckedTable,
  key: IndexableType,
  at: number,
): Promise<void> {
  if (table === 'requests' && typeof key === 'string')
    await tables.requests.put({ requestId: key, at, damaged: true });
  if (table === 'events' && isNumbered(key)) await tables.events.put({ cursor: key, events: [] });
}

function isLeftBehind(row: unknown): boolean {
  const { damaged, cursor, events } = Object(row) as {
    readonly damaged?: unknown;
  } & Partial<EventGroup>;
  return damaged === true || (isNumbered(cursor) && Array.isArray(events) && events.length === 0);
}
