import { recordKey } from '../record/record-key.ts';
import type { Collection, Table } from 'dexie';
import type { Query } from '../../shared/row.ts';
import { NO_MEMBERS } from './batch-members.ts';
import type { DeliveryTable } from './delivery-table.ts';
import type { Indexes } from './indexes.ts';
import type { Native } from './native.ts';
import type { CacheView } from './read-cache.ts';
import { queryPlan } from './query-plan.ts';
import { validRows } from './quarantine.ts';
import type { TxFindings } from './tx-findings.ts';
import { RecordCache } from './record-cache.ts';
import type { RecordCounts } from './record-counts.ts';
import { indexAnew, isIndexed, type IndexedRows } from './record-indexing.ts';
import {
  absent,
  isDraft,
  isForgettable,
  isSendable,
  type ReplicaRecord,
} from '../record/record.ts';
import { sealRecord } from '../record/seal-record.ts';
import { toRecord, toStored } from './stored-record.ts';
import type { StoredRecord } from './rows.ts';

type Key = [collection: string, id: string];

/** `more`: the limit has cut some records off. */
export interface QueryResult {
  readonly records: readonly ReplicaRecord[];
  readonly more: boolean;
}

/** The records of a replica, inside one transaction. Corrupt rows count as absent. */
export class RecordTable {
  readonly #records: Table<StoredRecord, Key>;
  readonly #deliveries: DeliveryTable;
  readonly #indexes: Indexes;
  readonly #findings: TxFindings;
  readonly #view: CacheView;
  readonly #cache: RecordCache;
  readonly #indexing: IndexedRows;
  readonly #native: Native;
  constructor(
    records: Table<StoredRecord, Key>,
    deliveries: DeliveryTable,
    indexes: Indexes,
    findings: TxFindings,
    view: CacheView,
    native: Native,
  ) {
    this.#records = records;
    this.#deliveries = deliveries;
    this.#indexes = indexes;
    this.#findings = findings;
    this.#view = view;
    this.#cache = new RecordCache(view);
    this.#indexing = { records, indexes, view, corrupt: findings.corrupt };
    this.#native = native;
  }

  async #read(rows: readonly StoredRecord[]): Promise<ReplicaRecord[]> {
    const members = rows.some(({ sendable }) => sendable !== undefined)
      ? await this.#deliveries.members()
      : NO_MEMBERS;
    return this.#cache.meet(
      validRows('records', rows, this.#findings.corrupt).map((row) => toRecord(row, members)),
    );
  }

  async get(
    keys: readonly (readonly [string, string])[],
    generation: number,
  ): Promise<ReplicaRecord[]> {
    const rows = await this.#native.get('records', keys as Key[]);
    const found = await this.#read(rows.flatMap((row) => row ?? []));
    const byKey = new Map(found.map((record) => [recordKey(record), record]));
    const asked = keys.map(([collection, id]) => {
      const key = recordKey({ collection, id });
      this.#findings.touched.add(key);
      return byKey.get(key) ?? absent(collection, id, generation);
    });
    return this.#cache.meet(asked);
  }
  async put(records: readonly ReplicaRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.#cache.wrote(records, this.#indexes);
    const [forgotten, kept] = [
      records.filter(isForgettable),
      records.filter((record) => !isForgettable(record)),
    ];
    this.#native.put(
      'records',
      kept.map((record) => toStored(record, this.#indexes.keysOf(record), isSendable(record))),
    );
    this.#native.delete(
      'records',
      forgotten.map((record): Key => [record.collection, record.id]),
    );
  }

  async clear(): Promise<void> {
    this.#view.invalidate();
    await this.#records.clear();
  }
  sendable(limit: number): Promise<ReplicaRecord[]> {
    return this.#cache.sendable(limit, () => this.#readSendable(limit));
  }
  async #readSendable(limit: number): Promise<ReplicaRecord[]> {
    const { maxFirstSeq } = await this.#deliveries.members();
    const behind = (await this.#records.bulkGet(await this.#sendableBehindBatch(limit))).flatMap(
      (row) => row ?? [],
    );
    const later = await this.#records
      .where('sendable')
      .above(maxFirstSeq)
      .limit(limit - behind.length)
      .toArray();
    return this.#read([...behind, ...later]);
  }
  async hasSendable(): Promise<boolean> {
    const cached = await this.#cache.hasSendable();
    if (cached !== undefined) return cached;
    const { maxFirstSeq } = await this.#deliveries.members();
    // Reads a single key; a count would walk over all sendable records. Where no record is sendable
    // the browser walks over all entries that were settled.
    const later = this.#records.where('sendable').above(maxFirstSeq).limit(1).primaryKeys();
    return (await later).length > 0 || (await this.#sendableBehindBatch(1)).length > 0;
  }
  /**
   * Returns records with a `firstSeq` below the in-flight batch's last that became sendable after
   * sealing (their conflict was resolved).
   */
  async #sendableBehindBatch(limit: number): Promise<Key[]> {
    const { maxFirstSeq, size, has } = await this.#deliveries.members();
    const batch = await this.#cache.batch();
    if (size === 0 || batch) return [];
    const keys = await this.#records
      .where('sendable')
      .belowOrEqual(maxFirstSeq)
      .limit(size + limit)
      .primaryKeys();
    return keys.filter(([collection, id]) => !has(collection, id)).slice(0, limit);
  }
  async inBatch(): Promise<ReplicaRecord[]> {
    const batch = await this.#cache.batch();
    if (batch) return this.#cache.meet(batch.map(sealRecord));
    const { has, maxFirstSeq, size } = await this.#deliveries.members();
    const written = await this.#records.where('inBatch').equals(1).toArray();
    // A corrupt row may claim to be in the batch, and must not stand in for a real member.
    const left =
      size > written.filter(({ collection, id }) => has(collection, id)).length
        ? await this.#records.where('sendable').belowOrEqual(maxFirstSeq).toArray()
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
  /** Drafts are under the key of refused records, and few. */
  #drafts(): Collection<StoredRecord> {
    return this.#records.where('rejected').equals(1).filter(isDraft);
  }
  async rejected(): Promise<ReplicaRecord[]> {
    return this.#read(await this.#records.where('rejected').equals(1).toArray());
  }
  async unsettled(): Promise<ReplicaRecord[]> {
    return this.#read(await this.#records.where('unsettled').equals(1).toArray());
  }
  counts(): Promise<RecordCounts> {
    return this.#cache.counts(() => this.#count());
  }
  async #count(): Promise<RecordCounts> {
    const [unsent, conflicts, refused, drafts] = await Promise.all([
      this.#records.where('unsettled').equals(1).count(),
      this.#records.orderBy('conflictId').count(),
      this.#records.where('rejected').equals(1).count(),
      this.#drafts().count(),
    ]);
    return { unsent, conflicts, rejected: refused - drafts, drafts };
  }

  async unverified(generation: number, limit: number): Promise<ReplicaRecord[]> {
    return this.#read(
      await this.#records.where('generation').below(generation).limit(limit).toArray(),
    );
  }
  async query(collection: string, query: Query): Promise<QueryResult> {
    const { index, keys, lower, upper, isOpen, limit, isWanted } = queryPlan(collection, query);
    const by = this.#records.where(index);
    const rows = keys ? by.anyOf(keys) : by.between(lower, upper, true, !isOpen);
    const ordered = query.order === 'descending' ? rows.reverse() : rows;
    // An additional row tells whether the limit cuts some records off.
    const found = await ordered
      .filter(isWanted)
      .limit(limit + 1)
      .toArray();
    return { records: await this.#read(found.slice(0, limit)), more: found.length > limit };
  }

  isIndexed(collection: string): Promise<boolean> {
    return isIndexed(this.#indexing, collection);
  }
  indexAnew(rowsMax: number): Promise<boolean> {
    return indexAnew(this.#indexing, rowsMax);
  }
}
