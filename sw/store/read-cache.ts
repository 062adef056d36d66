import { randomHex } from '../../shared/ids.ts';
import type { Delivery } from '../state/delivery.ts';
import type { RecordCounts } from './record-counts.ts';
import type { ReplicaRecord } from '../record/record.ts';
import { RowKeys } from './row-keys.ts';
import type { HeadRows } from './head-rows.ts';
import type { BoundTables } from './native.ts';
import type { Stamp } from './rows.ts';

/** The state of the store that was read or written under one stamp. */
export interface CachedState {
  counts?: RecordCounts | undefined;
  deliveries?: readonly Delivery[] | undefined;
  /** Cursor of the newest event. */
  cursor?: number | undefined;
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

/**
 * Caches the store's state in the worker while a drain lasts. Without the cache each batch would
 * read every row twice and count all rows at each step, though nobody else writes meanwhile, as a
 * rule.
 * Every transaction that writes records, deliveries or events stores a new random stamp. A state
 * cached under another stamp than the stored stamp is dropped, so another worker's write is never
 * overlooked. Outside drains everything but the counts is read again, so rows that a script writes
 * behind the engine's back are noticed after the drain. Captures alone rely on more
 * (`CacheView.rely`).
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
    // Captures may have relied on these for long: a drain sees them as they are.
    if (!this.isUsed) this.#cached = { ...this.#cached, deliveries: undefined, cursor: undefined };
    this.#drains++;
    try {
      return await work();
    } finally {
      this.#drains--;
      // An idle worker keeps no records, which may be thousands.
      if (!this.isUsed) this.#cached = idle(this.#cached);
    }
  }

  /** Returns a copy of the state cached under this stamp. */
  at(stamp: string | undefined): CachedState {
    return this.#stamp === stamp ? { ...this.#cached } : {};
  }

  /** Merges a state into the cache under this stamp. */
  keep(stamp: string, cached: CachedState): void {
    const { counts, deliveries, cursor, nextSendable, batch } = this.at(stamp);
    // Two concurrent readers have each read another part.
    this.#cached = {
      counts: cached.counts ?? counts,
      deliveries: cached.deliveries ?? deliveries,
      cursor: cached.cursor ?? cursor,
      nextSendable:
        (cached.nextSendable?.limit ?? 0) > (nextSendable?.limit ?? 0)
          ? cached.nextSendable
          : nextSendable,
      batch: cached.batch ?? batch,
    };
    this.#stamp = stamp;
  }
}

const idle = ({ counts, deliveries, cursor }: CachedState): CachedState => ({
  counts,
  deliveries,
  cursor,
});

/** The read cache inside one transaction. Commits to the cache only after the transaction. */
export class CacheView {
  readonly #readCache: ReadCache;
  readonly #head: HeadRows;
  #stamp: string | undefined;
  #hasLooked = false;
  #hasWritten = false;
  #isReliedOn = false;
  #cached: CachedState = {};
  /** How the keys of the records' rows are made; read by `cached()`. */
  keys = new RowKeys();

  constructor(readCache: ReadCache, head: HeadRows) {
    this.#readCache = readCache;
    this.#head = head;
  }

  get isUsed(): boolean {
    return this.#readCache.isUsed;
  }

  /**
   * Uses the cached deliveries and the cached event cursor outside drains, too. The transaction
   * must bear that a script has changed them behind the engine's back.
   */
  rely(): void {
    this.#isReliedOn = true;
  }

  get isReliedOn(): boolean {
    return this.#isReliedOn;
  }

  /**
   * Returns the cached state, to be read and changed in place. Outside drains the state starts with
   * the counts only, or with what is relied on, and reads still fill the cache.
   */
  async cached(): Promise<CachedState> {
    if (!this.#hasLooked) {
      const row = await this.#head.stamp();
      // A concurrent call has set the state first.
      if (this.#hasLooked) return this.#cached;
      this.keys = RowKeys.of(row?.keys);
      if (!this.#hasWritten && typeof row?.stamp === 'string') {
        this.#stamp = row.stamp;
        this.#cached = this.#startsWith(this.#readCache.at(row.stamp));
      }
      this.#hasLooked = true;
    }
    return this.#cached;
  }

  #startsWith(known: CachedState): CachedState {
    if (this.isUsed) return known;
    return this.#isReliedOn ? idle(known) : { counts: known.counts };
  }

  /** Notes that records, deliveries or events are written. */
  wrote(): void {
    this.#hasWritten = true;
  }

  /** Drops the cached state: rows are written without keeping the state up to date. */
  invalidate(): void {
    this.#hasWritten = true;
    this.#cached = {};
  }

  /** Stores a new stamp if the transaction has written; called last in a transaction. */
  async writeStamp({ native }: Pick<BoundTables, 'native'>): Promise<void> {
    if (!this.#hasWritten) return;
    const stamp = randomHex();
    const keys = this.#hasLooked ? this.keys.row : (await this.#head.stamp())?.keys;
    const row: Stamp = { key: 'stamp', stamp, ...(keys === undefined ? {} : { keys }) };
    native.put('replica', [row]);
    if (this.#hasLooked) this.#stamp = stamp;
  }

  /** Commits the state to the cache after the transaction. */
  keep(): void {
    if (this.#stamp !== undefined) this.#readCache.keep(this.#stamp, this.#cached);
  }
}
