import type { Table } from 'dexie';
import type { Declarations } from '../../shared/collections.ts';
import type { Query } from '../../shared/row.ts';
import { NO_MEMBERS } from './batch-members.ts';
import type { StoredRecord } from './database.ts';
import type { DeliveryTable } from './delivery-table.ts';
import { indexKeys, queryRange } from './indexes.ts';
import { sound } from './quarantine.ts';
import type { Reading } from './reading.ts';
import { absent, isForgettable, isSendable, type ReplicaRecord } from './record.ts';
import { toRecord, toStored } from './stored-record.ts';

type Key = [collection: string, id: string];
const keyOf = (collection: string, id: string): string => `${collection}\n${id}`;

/** The records of a replica, inside one transaction. A row that makes no sense is as if it were not there. */
export class RecordTable {
  readonly #records: Table<StoredRecord, Key>;
  readonly #deliveries: DeliveryTable;
  readonly #declarations: Declarations;
  readonly #reading: Reading;
  constructor(records: Table<StoredRecord, Key>, deliveries: DeliveryTable, declarations: Declarations, reading: Reading) {
    this.#records = records;
    this.#deliveries = deliveries;
    this.#declarations = declarations;
    this.#reading = reading;
  }

  async #read(rows: readonly StoredRecord[]): Promise<ReplicaRecord[]> {
    const members = rows.some(({ sendable }) => sendable !== undefined) ? await this.#deliveries.members() : NO_MEMBERS;
    return sound('records', rows, this.#reading.poisoned).map((row) => toRecord(row, members));
  }

  async get(keys: readonly (readonly [string, string])[], generation: number): Promise<ReplicaRecord[]> {
    const rows = await this.#records.bulkGet(keys as Key[]);
    const found = await this.#read(rows.flatMap((row) => row ?? []));
    const byKey = new Map(found.map((record) => [keyOf(record.collection, record.id), record]));
    return keys.map(([collection, id]) => {
      this.#reading.touched.add(keyOf(collection, id));
      return byKey.get(keyOf(collection, id)) ?? absent(collection, id, generation);
    });
  }
  async put(records: readonly ReplicaRecord[]): Promise<void> {
    const [forgotten, kept] = [records.filter(isForgettable), records.filter((record) => !isForgettable(record))];
    await this.#records.bulkPut(kept.map((record) => toStored(record, indexKeys(record, this.#declarations), isSendable(record))));
    if (forgotten.length > 0) await this.#records.bulkDelete(forgotten.map((record): Key => [record.collection, record.id]));
  }

  async sendable(limit: number): Promise<ReplicaRecord[]> {
    const { lastSendable } = await this.#deliveries.members();
    const freed = (await this.#records.bulkGet(await this.#freed(limit))).flatMap((row) => row ?? []);
    const later = await this.#records
      .where('sendable')
      .above(lastSendable)
      .limit(limit - freed.length)
      .toArray();
    return this.#read([...freed, ...later]);
  }
  async hasSendable(): Promise<boolean> {
    const { lastSendable } = await this.#deliveries.members();
    const later = this.#records.where('sendable').above(lastSendable).limit(1).count();
    return (await later) > 0 || (await this.#freed(1)).length > 0;
  }
  /** Changes older than the youngest of the batch on its way that may travel only now: a conflict was decided meanwhile. */
  async #freed(limit: number): Promise<Key[]> {
    const { lastSendable, size, has } = await this.#deliveries.members();
    if (size === 0) return [];
    const keys = await this.#records
      .where('sendable')
      .belowOrEqual(lastSendable)
      .limit(size + limit)
      .primaryKeys();
    return keys.filter(([collection, id]) => !has(collection, id)).slice(0, limit);
  }
  async inBatch(): Promise<ReplicaRecord[]> {
    const { has, lastSendable, size } = await this.#deliveries.members();
    const written = await this.#records.where('inBatch').equals(1).toArray();
    // A row may say that it is in the batch and not be: it must not stand for one that is.
    const left =
      size > written.filter(({ collection, id }) => has(collection, id)).length
        ? await this.#records.where('sendable').belowOrEqual(lastSendable).toArray()
        : [];
    return (await this.#read([...written, ...left])).filter(({ sealed }) => sealed !== undefined);
  }

  async conflicted(): Promise<ReplicaRecord[]> {
    return this.#read(await this.#records.orderBy('conflictId').toArray());
  }
  async withConflict(conflictId: string): Promise<ReplicaRecord | undefined> {
    const stored = await this.#records.where('conflictId').equals(conflictId).first();
    return stored && (await this.#read([stored]))[0];
  }
  async rejected(): Promise<ReplicaRecord[]> {
    return this.#read(await this.#records.where('rejected').equals(1).toArray());
  }
  async unsettled(): Promise<ReplicaRecord[]> {
    return this.#read(await this.#records.where('unsettled').equals(1).toArray());
  }
  async counts(): Promise<{ unsent: number; conflicts: number; rejected: number }> {
    const [unsent, conflicts, rejected] = await Promise.all([
      this.#records.where('unsettled').equals(1).count(),
      this.#records.orderBy('conflictId').count(),
      this.#records.where('rejected').equals(1).count(),
    ]);
    return { unsent, conflicts, rejected };
  }

  async unverified(generation: number, limit: number): Promise<ReplicaRecord[]> {
    return this.#read(await this.#records.where('generation').below(generation).limit(limit).toArray());
  }
  async query(collection: string, query: Query): Promise<ReplicaRecord[]> {
    const range = queryRange(collection, query);
    const rows = this.#records.where(range.index).between(range.lower, range.upper, true, true);
    const ordered = query.order === 'descending' ? rows.reverse() : rows;
    // Deleted records stay as rows until they are forgotten; the page does not see them.
    const found = ordered.filter((row) => row.value !== null).limit(range.limit);
    return this.#read(await found.toArray());
  }
}
