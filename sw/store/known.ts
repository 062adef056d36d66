import type { Table } from 'dexie';
import { randomHex } from '../../shared/ids.ts';
import type { Delivery } from '../outbox/delivery.ts';
import type { RecordCounts } from './record-counts.ts';
import type { ReplicaRecord } from './record.ts';

/** What was read, or written, in one state of the store. */
export interface Learnt {
  counts?: RecordCounts | undefined;
  deliveries?: readonly Delivery[] | undefined;
  /** The first `limit` records whose change may travel, oldest first. */
  ahead?: { readonly records: readonly ReplicaRecord[]; readonly limit: number } | undefined;
  /**
   * All records of the batch on its way, by key, as their rows are: captured, not yet in their sealed form. No other change up to `lastSendable` may travel:
   * to look for one in the index would go through all that was settled since the browser last cleared it up.
   */
  batch?: { readonly nonce: string; readonly records: ReadonlyMap<string, ReplicaRecord>; readonly lastSendable: number } | undefined;
}

/** Beside the replica's row: names the state in which records and deliveries are. */
export interface Stamp {
  readonly key: 'stamp';
  readonly stamp: string;
}
type StampTable = Pick<Table<Stamp, string>, 'get' | 'put'>;

/**
 * What a worker knows of the store without reading it. While it sends batch after batch it would read each row twice, and count them all at each step; nobody
 * else writes meanwhile, as a rule. Whether so is not believed but looked up: each transaction that writes records or deliveries leaves a new stamp, and what
 * was learnt under another one than is found there is forgotten. So another worker's write is never overlooked. Only a script that writes rows behind the
 * engine's back is, until the drain is over: outside drains all is read.
 */
export class Known {
  #drains = 0;
  #stamp: string | undefined;
  #learnt: Learnt = {};

  get isUsed(): boolean {
    return this.#drains > 0;
  }

  /** Uses what is known while the work lasts. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#drains++;
    try {
      return await work();
    } finally {
      this.#drains--;
      // Thousands of records, maybe, that an idle worker has no use for.
      if (!this.isUsed) this.#learnt = { counts: this.#learnt.counts };
    }
  }

  /** A copy of what is known of the store in this state. */
  at(stamp: string | undefined): Learnt {
    return this.#stamp === stamp ? { ...this.#learnt } : {};
  }

  /** What has been learnt of the store, which is in this state. */
  keep(stamp: string, learnt: Learnt): void {
    const { counts, deliveries, ahead, batch } = this.at(stamp);
    // Two readers at once have each learnt something else.
    this.#learnt = {
      counts: learnt.counts ?? counts,
      deliveries: learnt.deliveries ?? deliveries,
      ahead: (learnt.ahead?.limit ?? 0) > (ahead?.limit ?? 0) ? learnt.ahead : ahead,
      batch: learnt.batch ?? batch,
    };
    this.#stamp = stamp;
  }
}

/** What is known inside one transaction. It is kept only when the transaction is through. */
export class Knowledge {
  readonly #known: Known;
  readonly #stamps: StampTable;
  #stamp: string | undefined;
  #hasLooked = false;
  #hasWritten = false;
  #learnt: Learnt = {};

  constructor(known: Known, stamps: StampTable) {
    this.#known = known;
    this.#stamps = stamps;
  }

  get isUsed(): boolean {
    return this.#known.isUsed;
  }

  /** To be read and changed in place. Outside drains nothing is known, but what is read is learnt. */
  async learnt(): Promise<Learnt> {
    if (!this.#hasLooked) {
      const stamp = (await this.#stamps.get('stamp'))?.stamp;
      if (!this.#hasLooked && !this.#hasWritten && typeof stamp === 'string') {
        this.#stamp = stamp;
        this.#learnt = this.isUsed ? this.#known.at(stamp) : {};
      }
      this.#hasLooked = true;
    }
    return this.#learnt;
  }

  /** Records or deliveries are written. */
  wrote(): void {
    this.#hasWritten = true;
  }

  /** They are written by other ways than those that keep what is known up to date. */
  wroteUnseen(): void {
    this.#hasWritten = true;
    this.#learnt = {};
  }

  /** The last thing that a transaction does. */
  async sign(): Promise<void> {
    if (!this.#hasWritten) return;
    const stamp = randomHex((bytes) => crypto.getRandomValues(bytes));
    await this.#stamps.put({ key: 'stamp', stamp });
    if (this.#hasLooked) this.#stamp = stamp;
  }

  /** The transaction is through. */
  keep(): void {
    if (this.#stamp !== undefined) this.#known.keep(this.#stamp, this.#learnt);
  }
}
