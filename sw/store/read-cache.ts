import type { Table } from 'dexie';
import { randomHex } from '../../shared/ids.ts';
import type { Delivery } from '../state/delivery.ts';
import type { RecordCounts } from './record-counts.ts';
import type { ReplicaRecord } from '../record/record.ts';
import { RowKeys } from './row-keys.ts';
import type { Stamp } from './rows.ts';

/** The state of the store that was read or written under one stamp. */
export interface CachedState {
  counts?: RecordCounts | undefined;
  deliveries?: readonly Delivery[] | undefined;
  /** The first `limit` sendable records, oldest first. */
  nextSendable?: { readonly records: readonly ReplicaRecord[]; readonly limit: number } | undefined;
  /**
   * All records of the in-flight batch, by key, as captured: not yet in sealed form. No other
   * change up to `maxFirstSeq` is sendable: a look into the index would walk over all settled
   * entries that the browser has not compacted yet.
   */
  batch?:
    | {
        readonly nonce: string;
        readonly records: ReadonlyMap<string, ReplicaRecord>;
        readonly maxFirstSeq: number;
      }
    | undefined;
}

type StampTable = Pick<Table<Stamp, string>, 'get' | 'put'>;

/**
 * Caches the store's state in the worker while a drain lasts. Without the cache each batch would
 * read every row twice and count all rows at each step, though nobody else writes meanwhile, as a
 * rule.
 * Every transaction that writes records or deliveries stores a new random stamp. A state cached
 * under another stamp than the stored stamp is dropped, so another worker's write is never
 * overlooked. Outside drains everything but the counts is read again, so rows that a script writes
 * behind the engine's back are noticed after the drain.
 */
export class ReadCache {
  #drains = 0;
  #stamp: string | undefined;
  #cached: CachedState = {};

  get isUsed(): boolean {
    return this.#drains > 0;
  }

  /** Uses the cache while the work lasts. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#drains++;
    try {
      return await work();
    } finally {
      this.#drains--;
      // An idle worker keeps the counts only; the records may be thousands.
      if (!this.isUsed) this.#cached = { counts: this.#cached.counts };
    }
  }

  /** Returns a copy of the state cached under this stamp. */
  at(stamp: string | undefined): CachedState {
    return this.#stamp === stamp ? { ...this.#cached } : {};
  }

  /** Merges a state into the cache under this stamp. */
  keep(stamp: string, cached: CachedState): void {
    const { counts, deliveries, nextSendable, batch } = this.at(stamp);
    // Two concurrent readers have each read another part.
    this.#cached = {
      counts: cached.counts ?? counts,
      deliveries: cached.deliveries ?? deliveries,
      nextSendable:
        (cached.nextSendable?.limit ?? 0) > (nextSendable?.limit ?? 0)
          ? cached.nextSendable
          : nextSendable,
      batch: cached.batch ?? batch,
    };
    this.#stamp = stamp;
  }
}

/** The read cache inside one transaction. Commits to the cache only after the transaction. */
export class CacheView {
  readonly #readCache: ReadCache;
  readonly #stamps: StampTable;
  #stamp: string | undefined;
  #hasLooked = false;
  #hasWritten = false;
  #cached: CachedState = {};
  /** How the keys of the records' rows are made; read by `cached()`. */
  keys = new RowKeys();

  constructor(readCache: ReadCache, stamps: StampTable) {
    this.#readCache = readCache;
    this.#stamps = stamps;
  }

  get isUsed(): boolean {
    return this.#readCache.isUsed;
  }

  /**
   * Returns the cached state, to be read and changed in place. Outside drains the state starts with
   * the counts only, and reads still fill the cache.
   */
  async cached(): Promise<CachedState> {
    if (!this.#hasLooked) {
      const row = await this.#stamps.get('stamp');
      // A concurrent call has set the state first.
      if (this.#hasLooked) return this.#cached;
      this.keys = RowKeys.of(row?.keys);
      if (!this.#hasWritten && typeof row?.stamp === 'string') {
        this.#stamp = row.stamp;
        this.#cached = this.#readCache.at(row.stamp);
        if (!this.isUsed) this.#cached = { counts: this.#cached.counts };
      }
      this.#hasLooked = true;
    }
    return this.#cached;
  }

  /** Notes that records or deliveries are written. */
  wrote(): void {
    this.#hasWritten = true;
  }

  /** Drops the cached state: rows are written without keeping the state up to date. */
  invalidate(): void {
    this.#hasWritten = true;
    this.#cached = {};
  }

  /** Stores a new stamp if the transaction has written; called last in a transaction. */
  async writeStamp(): Promise<void> {
    if (!this.#hasWritten) return;
    const stamp = randomHex((bytes) => crypto.getRandomValues(bytes));
    const keys = this.#hasLooked ? this.keys.row : (await this.#stamps.get('stamp'))?.keys;
    await this.#stamps.put({ key: 'stamp', stamp, ...(keys === undefined ? {} : { keys }) });
    if (this.#hasLooked) this.#stamp = stamp;
  }

  /** Commits the state to the cache after the transaction. */
  keep(): void {
    if (this.#stamp !== undefined) this.#readCache.keep(this.#stamp, this.#cached);
  }
}
