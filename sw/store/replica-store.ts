import type { Dexie, Transaction } from 'dexie';
import type { Declarations } from '../../shared/collections.ts';
import { MembersReader } from './batch-members.ts';
import { type IndexedDb, openDatabase, TABLE_NAMES, tablesOf } from './database.ts';
import { evict } from './evict.ts';
import { Knowledge, Known } from './known.ts';
import { Opener } from './opener.ts';
import { moveToQuarantine, type Poisoned } from './quarantine.ts';
import { newReading, type Reading } from './reading.ts';
import { ReplicaTx } from './replica-tx.ts';
import { storeFaultOf, toStoreError } from './store-errors.ts';

/** What the engine needs of the replica's store. */
export interface Store {
  readonly write: <T>(body: (tx: ReplicaTx) => Promise<T>) => Promise<T>;
  readonly read: <T>(body: (tx: ReplicaTx) => Promise<T>) => Promise<T>;
  readonly destroy: () => Promise<void>;
  /** While the work lasts, nothing is read again that this store has read or written itself and nobody has written since. */
  readonly during: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Chromium's LevelDB frees nothing until it compacts, and a deletion costs room at first: to go on would only empty the cache. */
const EVICTIONS_MAX = 4;

interface StoreOptions {
  /** ms since 1970; a label. */
  readonly now?: () => number;
  /** Another connection keeps the database from being opened, for too long. */
  readonly onBlocked?: () => void;
}

/** The only door to the replica. Reads and writes happen inside `read` or `write`: one transaction each, never across a network call (law 2). */
export class ReplicaStore implements Store {
  readonly #user: string;
  readonly #declarations: Declarations;
  readonly #indexedDb: IndexedDb | undefined;
  readonly #options: StoreOptions;
  #db: Dexie;
  #isOver = false;
  readonly #members = new MembersReader();
  readonly #known = new Known();
  readonly #opener: Opener;
  /** What was let go has made no room here: nothing more is, as long as this worker runs. */
  #isEvictionVain = false;
  constructor(user: string, declarations: Declarations, indexedDb?: IndexedDb, options: StoreOptions = {}) {
    this.#user = user;
    this.#declarations = declarations;
    this.#indexedDb = indexedDb;
    this.#options = options;
    this.#opener = new Opener(options.onBlocked);
    this.#db = openDatabase(user, indexedDb);
  }

  /**
   * One strict transaction: all of it or nothing; durable when it resolves. Only awaits of `tx` are allowed inside, and nothing else is touched:
   * the body runs again where the browser had closed the database, or had no room until cached records were let go.
   * Rejects with the kinds `storage-full`, `storage-blocked` and `storage`.
   */
  write<T>(body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    return this.#sturdy('rw', body);
  }

  read<T>(body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    return this.#sturdy('r', body);
  }

  during<T>(work: () => Promise<T>): Promise<T> {
    return this.#known.during(work);
  }

  async #sturdy<T>(mode: 'r' | 'rw', body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    const db = this.#db;
    const reading = newReading();
    const result = await this.#attempt(mode, body, reading).catch((error: unknown) => {
      const fault = this.#isOver ? 'broken' : storeFaultOf(error, reading.hasBegun);
      if (fault === 'lost-connection') return this.#again(db, mode, body);
      if (fault === 'full' && mode === 'rw') return this.#withRoom(body, reading, error);
      throw toStoreError(error, reading.hasBegun);
    });
    if (reading.poisoned.length > 0) await this.#quarantine(reading.poisoned);
    return result;
  }

  /** Once, with a new connection. */
  async #again<T>(lost: Dexie, mode: 'r' | 'rw', body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    if (this.#db === lost) {
      lost.close();
      this.#db = openDatabase(this.#user, this.#indexedDb);
    }
    const reading = newReading();
    try {
      return await this.#attempt(mode, body, reading);
    } catch (error) {
      throw toStoreError(error, reading.hasBegun);
    }
  }

  async #withRoom<T>(body: (tx: ReplicaTx) => Promise<T>, reading: Reading, full: unknown): Promise<T> {
    let error = full;
    for (let evictions = 0; !this.#isEvictionVain; evictions++) {
      try {
        const evicted = await this.#db.transaction('rw', TABLE_NAMES, (transaction: Transaction) => evict(tablesOf(transaction), reading.touched));
        if (evicted === 0) break;
        return await this.#attempt('rw', body, reading);
      } catch (again) {
        if (storeFaultOf(again) !== 'full') throw toStoreError(again);
        error = again;
        this.#isEvictionVain = evictions + 1 >= EVICTIONS_MAX;
      }
    }
    throw toStoreError(error);
  }

  async #attempt<T>(mode: 'r' | 'rw', body: (tx: ReplicaTx) => Promise<T>, reading: Reading): Promise<T> {
    if (!this.#db.isOpen()) await this.#opener.open(this.#db);
    const { result, knowledge } = await this.#db.transaction(mode, TABLE_NAMES, async (transaction: Transaction) => {
      const tables = tablesOf(transaction);
      reading.hasBegun = true;
      const known = new Knowledge(this.#known, tables.stamps);
      const tx = new ReplicaTx(tables, this.#declarations, reading, this.#members, known);
      const done = await body(tx);
      await tx.end();
      return { result: done, knowledge: known };
    });
    knowledge.keep();
    return result;
  }

  /** After the transaction that met them, which is through whatever becomes of this one. Rows that stay where they are, on a full disk, are met again. */
  async #quarantine(poisoned: readonly Poisoned[]): Promise<void> {
    const move = (transaction: Transaction): Promise<void> => moveToQuarantine(tablesOf(transaction), poisoned, (this.#options.now ?? Date.now)(), this.#known);
    try {
      await this.#db.transaction('rw', TABLE_NAMES, move);
    } catch (error) {
      if (storeFaultOf(error) === 'none') throw error;
    }
  }

  close(): void {
    this.#isOver = true;
    this.#db.close();
  }

  /** Deletes the replica's database, which has been wiped. Where another connection keeps it, it goes when that one closes, and is empty meanwhile. */
  async destroy(): Promise<void> {
    this.#isOver = true;
    await new Promise<void>((resolve, reject) => {
      this.#db.on('blocked', () => resolve());
      this.#db.delete().then(resolve, reject);
    });
  }
}
