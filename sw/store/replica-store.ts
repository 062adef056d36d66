import type { Dexie, Transaction } from 'dexie';
import type { Declarations } from '../../shared/collections.ts';
import { MembersReader } from './batch-members.ts';
import { openDatabase, TABLE_NAMES, tablesOf, type IndexedDb } from './database.ts';
import { evict } from './evict.ts';
import { HeadRows } from './head-rows.ts';
import { Indexes } from './indexes.ts';
import { CacheView, ReadCache } from './read-cache.ts';
import { DatabaseOpener } from './database-opener.ts';
import type { Native } from './native.ts';
import { moveToQuarantine } from './quarantine.ts';
import { newFindings, type TxFindings } from './tx-findings.ts';
import { ReplicaTx } from './replica-tx.ts';
import { storeFaultOf, toStoreError } from './store-errors.ts';
import type { CorruptRow } from './rows.ts';

/** The engine's interface to the replica store. */
export interface Store {
  readonly write: <T>(body: (tx: ReplicaTx) => Promise<T>) => Promise<T>;
  readonly read: <T>(body: (tx: ReplicaTx) => Promise<T>) => Promise<T>;
  readonly destroy: () => Promise<void>;
  /**
   * Uses the read cache while the work lasts: reads nothing twice that nobody has written since.
   */
  readonly during: <T>(work: () => Promise<T>) => Promise<T>;
  /** Makes rows get the keys of these declarations from the next transaction on. */
  readonly declare: (declarations: Declarations) => void;
}

/**
 * Chromium's LevelDB frees no room until its compaction, and a deletion needs room at first:
 * further evictions would only empty the replica.
 */
const EVICTIONS_MAX = 4;

interface StoreOptions {
  /** ms since 1970; a label. */
  readonly now?: () => number;
  /** Called when another connection has kept the database from being opened for too long. */
  readonly onBlocked?: () => void;
}

/**
 * The only access to the replica store. All reads and writes happen inside `read` or `write`: one
 * transaction each, never across a network call (law 2).
 */
export class ReplicaStore implements Store {
  readonly name: string;
  #indexes: Indexes;
  readonly #indexedDb: IndexedDb | undefined;
  readonly #options: StoreOptions;
  #db: Dexie;
  #isOver = false;
  readonly #members = new MembersReader();
  readonly #readCache = new ReadCache();
  readonly #opener: DatabaseOpener;
  /** Set after evictions have made no room: this worker evicts no more. */
  #evictionFreesNothing = false;
  /** `name`: the database's name (`names.ts`). */
  constructor(
    name: string,
    declarations: Declarations,
    indexedDb?: IndexedDb,
    options: StoreOptions = {},
  ) {
    this.name = name;
    this.#indexes = new Indexes(declarations);
    this.#indexedDb = indexedDb;
    this.#options = options;
    this.#opener = new DatabaseOpener(options.onBlocked, indexedDb?.indexedDB);
    this.#db = openDatabase(name, indexedDb);
  }

  /**
   * Runs the body in one strict transaction: all or nothing, durable when the promise resolves. The
   * body awaits `tx` only and has no other effect, because a body runs again where the browser had
   * closed the database, or had no room until records were evicted.
   * Rejects with the kinds `storage-full`, `storage-blocked` and `storage`.
   */
  write<T>(body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    return this.#withRecovery('rw', body);
  }

  read<T>(body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    return this.#withRecovery('r', body);
  }

  during<T>(work: () => Promise<T>): Promise<T> {
    return this.#readCache.during(work);
  }

  declare(declarations: Declarations): void {
    this.#indexes = new Indexes(declarations);
  }

  async #withRecovery<T>(mode: 'r' | 'rw', body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    const db = this.#db;
    const findings = newFindings();
    const result = await this.#attempt(mode, body, findings).catch((error: unknown) => {
      const fault = this.#isOver ? 'broken' : storeFaultOf(error, findings.hasBegun);
      if (fault === 'lost-connection') return this.#again(db, mode, body);
      if (fault === 'full' && mode === 'rw') return this.#withRoom(body, findings, error);
      throw toStoreError(error, findings.hasBegun);
    });
    if (findings.corrupt.length > 0) await this.#quarantine(findings.corrupt);
    return result;
  }

  /** Repeats the transaction once, on a new connection. */
  async #again<T>(lost: Dexie, mode: 'r' | 'rw', body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    if (this.#db === lost) {
      lost.close();
      this.#db = openDatabase(this.name, this.#indexedDb);
    }
    const findings = newFindings();
    try {
      return await this.#attempt(mode, body, findings);
    } catch (error) {
      throw toStoreError(error, findings.hasBegun);
    }
  }

  async #withRoom<T>(
    body: (tx: ReplicaTx) => Promise<T>,
    findings: TxFindings,
    full: unknown,
  ): Promise<T> {
    let error = full;
    for (let evictions = 0; !this.#evictionFreesNothing; evictions++) {
      try {
        const evicted = await this.#db.transaction('rw', TABLE_NAMES, (transaction: Transaction) =>
          evict(tablesOf(transaction), findings.touched),
        );
        if (evicted === 0) break;
        return await this.#attempt('rw', body, findings);
      } catch (again) {
        if (storeFaultOf(again) !== 'full') throw toStoreError(again);
        error = again;
        this.#evictionFreesNothing = evictions + 1 >= EVICTIONS_MAX;
      }
    }
    throw toStoreError(error);
  }

  async #attempt<T>(
    mode: 'r' | 'rw',
    body: (tx: ReplicaTx) => Promise<T>,
    findings: TxFindings,
  ): Promise<T> {
    if (!this.#db.isOpen()) await this.#opener.open(this.#db);
    // Within a transaction all keys are made by the same declarations.
    const indexes = this.#indexes;
    let native: Native | undefined;
    const { result, cache } = await this.#db
      .transaction(mode, TABLE_NAMES, async (transaction: Transaction) => {
        const tables = tablesOf(transaction);
        native = tables.native;
        findings.hasBegun = true;
        const head = new HeadRows(tables.native);
        const cache = new CacheView(this.#readCache, head);
        const tx = new ReplicaTx(tables, indexes, findings, this.#members, head, cache);
        const done = await body(tx);
        await tx.end();
        return { result: done, cache };
      })
      .catch((error: unknown) => {
        throw native?.failure ?? error;
      });
    cache.keep();
    return result;
  }

  /**
   * Moves corrupt rows after the transaction that found them, whose success does not depend on the
   * move. Rows that cannot be moved, on a full disk, are found again by the next reader.
   */
  async #quarantine(corrupt: readonly CorruptRow[]): Promise<void> {
    const move = (transaction: Transaction): Promise<void> =>
      moveToQuarantine(
        tablesOf(transaction),
        corrupt,
        (this.#options.now ?? Date.now)(),
        this.#readCache,
      );
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

  /**
   * Deletes the replica's database, which has been wiped. Another open connection delays the
   * deletion until that connection closes; meanwhile the database is empty.
   */
  async destroy(): Promise<void> {
    this.#isOver = true;
    await new Promise<void>((resolve, reject) => {
      this.#db.on('blocked', () => resolve());
      this.#db.delete().then(resolve, reject);
    });
  }
}
