import type { Table } from 'dexie';
import type { Declarations } from '../../shared/collections.ts';
import type { Query } from '../../shared/row.ts';
import { keyOf, NO_MEMBERS } from './batch-members.ts';
import type { StoredRecord } from './database.ts';
import type { DeliveryTable } from './delivery-table.ts';
import { indexKeys, queryRange } from './indexes.ts';
import type { Knowledge } from './known.ts';
import { sound } from './quarantine.ts';
import type { Reading } from './reading.ts';
import { recounted, type RecordCounts } from './record-counts.ts';
import { absent, isForgettable, isSendable, type ReplicaRecord } from './record.ts';
import { sealRecord } from '../outbox/seal-record.ts';
import { toRecord, toStored } from './stored-record.ts';
import type { Writes } from './writes.ts';

type Key = [collection: string, id: string];

/** The records of a replica, inside one transaction. A row that makes no sense is as if it were not there. */
export class RecordTable {
  readonly #records: Table<StoredRecord, Key>;
  readonly #deliveries: DeliveryTable;
  readonly #declarations: Declarations;
  readonly #reading: Reading;
  readonly #knowledge: Knowledge;
  readonly #writes: Writes;
  /** As this transaction has read or written them, by key. */
  readonly #met = new Map<string, ReplicaRecord>();
  constructor(
    records: Table<StoredRecord, Key>,
    deliveries: DeliveryTable,
    declarations: Declarations,
    reading: Reading,
    knowledge: Knowledge,
    writes: Writes,
  ) {
    this.#records = records;
    this.#deliveries = deliveries;
    this.#declarations = declarations;
    this.#reading = reading;
    this.#knowledge = knowledge;
    this.#writes = writes;
  }

  async #read(rows: readonly StoredRecord[]): Promise<ReplicaRecord[]> {
    const members = rows.some(({ sendable }) => sendable !== undefined) ? await this.#deliveries.members() : NO_MEMBERS;
    return this.#meet(sound('records', rows, this.#reading.poisoned).map((row) => toRecord(row, members)));
  }
  #meet(records: ReplicaRecord[]): ReplicaRecord[] {
    for (const record of records) this.#met.set(keyOf(record), record);
    return records;
  }

  async get(keys: readonly (readonly [string, string])[], generation: number): Promise<ReplicaRecord[]> {
    const rows = await this.#records.bulkGet(keys as Key[]);
    const found = await this.#read(rows.flatMap((row) => row ?? []));
    const byKey = new Map(found.map((record) => [keyOf(record), record]));
    const asked = keys.map(([collection, id]) => {
      const key = keyOf({ collection, id });
      this.#reading.touched.add(key);
      return byKey.get(key) ?? absent(collection, id, generation);
    });
    return this.#meet(asked);
  }
  async put(records: readonly ReplicaRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.#wrote(records);
    const [forgotten, kept] = [records.filter(isForgettable), records.filter((record) => !isForgettable(record))];
    this.#writes.add(this.#records.bulkPut(kept.map((record) => toStored(record, indexKeys(record, this.#declarations), isSendable(record)))));
    if (forgotten.length > 0) this.#writes.add(this.#records.bulkDelete(forgotten.map((record): Key => [record.collection, record.id])));
  }

  async clear(): Promise<void> {
    this.#knowledge.wroteUnseen();
    await this.#records.clear();
  }
  /** Keeps up to date what is known, where it can be. */
  async #wrote(records: readonly ReplicaRecord[]): Promise<void> {
    const learnt = await this.#knowledge.learnt();
    this.#knowledge.wrote();
    const { ahead, batch } = learnt;
    const aheadKeys = new Set(ahead?.records.map(keyOf));
    for (const record of records) {
      const key = keyOf(record);
      const before = this.#met.get(key);
      learnt.counts = learnt.counts && before && recounted(learnt.counts, before, record);
      const sendable = isSendable(record) ? record.pending?.firstSeq : undefined;
      if (sendable !== undefined || aheadKeys.has(key)) learnt.ahead = undefined;
      if (batch && (batch.records.has(key) || (sendable ?? Number.POSITIVE_INFINITY) <= batch.lastSendable)) learnt.batch = undefined;
    }
    this.#meet([...records]);
  }

  async sendable(limit: number): Promise<ReplicaRecord[]> {
    const learnt = await this.#knowledge.learnt();
    if (!learnt.ahead || learnt.ahead.limit < limit) learnt.ahead = { records: await this.#readSendable(limit), limit };
    return this.#meet(learnt.ahead.records.slice(0, limit));
  }
  async #readSendable(limit: number): Promise<ReplicaRecord[]> {
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
    const { ahead } = await this.#knowledge.learnt();
    if (ahead && ahead.limit > 0) return ahead.records.length > 0;
    const { lastSendable } = await this.#deliveries.members();
    // Not counted: that would go through them all. Where none is left the browser goes through all that were settled.
    const later = this.#records.where('sendable').above(lastSendable).limit(1).primaryKeys();
    return (await later).length > 0 || (await this.#freed(1)).length > 0;
  }
  /** Changes older than the youngest of the batch on its way that may travel only now: a conflict was decided meanwhile. */
  async #freed(limit: number): Promise<Key[]> {
    const { lastSendable, size, has } = await this.#deliveries.members();
    const { batch } = await this.#knowledge.learnt();
    if (size === 0 || batch) return [];
    const keys = await this.#records
      .where('sendable')
      .belowOrEqual(lastSendable)
      .limit(size + limit)
      .primaryKeys();
    return keys.filter(([collection, id]) => !has(collection, id)).slice(0, limit);
  }
  async inBatch(): Promise<ReplicaRecord[]> {
    const { batch } = await this.#knowledge.learnt();
    if (batch) return this.#meet([...batch.records.values()].map(sealRecord));
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
  async counts(): Promise<RecordCounts> {
    const learnt = await this.#knowledge.learnt();
    return (learnt.counts ??= await this.#count());
  }
  async #count(): Promise<RecordCounts> {
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
