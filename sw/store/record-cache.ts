import { recordKey } from '../record/record-key.ts';
import { isSendable, type ReplicaRecord } from '../record/record.ts';
import type { Indexes } from './indexes.ts';
import type { CacheView } from './read-cache.ts';
import { recounted, type RecordCounts } from './record-counts.ts';

/** The read cache of the records, inside one transaction: answers reads, and follows writes. */
export class RecordCache {
  readonly #view: CacheView;
  /** Each record as this transaction last read or wrote it, by key. */
  readonly #met = new Map<string, ReplicaRecord>();
  constructor(view: CacheView) {
    this.#view = view;
  }

  /** Remembers records that were read or written, and returns them. */
  meet(records: ReplicaRecord[]): ReplicaRecord[] {
    for (const record of records) this.#met.set(recordKey(record), record);
    return records;
  }

  /** Updates the cached state after records were written, or drops the parts it cannot update. */
  async wrote(records: readonly ReplicaRecord[], indexes: Indexes): Promise<void> {
    const cached = await this.#view.cached();
    this.#view.wrote();
    for (const collection of new Set(records.map((record) => record.collection)))
      this.#view.keys.madeBy(indexes, collection);
    const { nextSendable, batch } = cached;
    const nextKeys = new Set(nextSendable?.records.map(recordKey));
    for (const record of records) {
      const key = recordKey(record);
      const before = this.#met.get(key);
      cached.counts = cached.counts && before && recounted(cached.counts, before, record);
      const sendable = isSendable(record) ? record.pending?.firstSeq : undefined;
      if (sendable !== undefined || nextKeys.has(key)) cached.nextSendable = undefined;
      if (
        batch &&
        (batch.records.has(key) || (sendable ?? Number.POSITIVE_INFINITY) <= batch.maxFirstSeq)
      )
        cached.batch = undefined;
    }
    this.meet([...records]);
  }

  async sendable(
    limit: number,
    read: () => Promise<readonly ReplicaRecord[]>,
  ): Promise<ReplicaRecord[]> {
    const cached = await this.#view.cached();
    if (!cached.nextSendable || cached.nextSendable.limit < limit)
      cached.nextSendable = { records: await read(), limit };
    return this.meet(cached.nextSendable.records.slice(0, limit));
  }

  /** Returns undefined where the cache does not know. */
  async hasSendable(): Promise<boolean | undefined> {
    const { nextSendable } = await this.#view.cached();
    return nextSendable && nextSendable.limit > 0 ? nextSendable.records.length > 0 : undefined;
  }

  /** The records of the in-flight batch as captured; undefined where the cache does not know. */
  async batch(): Promise<ReplicaRecord[] | undefined> {
    const { batch } = await this.#view.cached();
    return batch && [...batch.records.values()];
  }

  async counts(count: () => Promise<RecordCounts>): Promise<RecordCounts> {
    const cached = await this.#view.cached();
    return (cached.counts ??= await count());
  }
}
