import type { Table } from 'dexie';
import type { Stamp, Tables } from './rows.ts';

type Name = keyof Tables;
type Row<N extends Name> =
  | (Tables[N] extends Table<infer R, infer _Key, infer _Insert> ? R : never)
  | (N extends 'replica' ? Stamp : never);

/** The tables of one transaction, and the browser's own requests in it. */
export interface BoundTables extends Tables {
  readonly native: Native;
}

/**
 * Requests by key to the browser's own object stores, in a transaction that Dexie has begun: a
 * request by way of Dexie costs more than the browser's work for it. Queries stay Dexie's.
 * IndexedDB runs requests in order, and a read sees every earlier write, so nobody waits for a
 * write: a failed one aborts the transaction.
 */
export class Native {
  readonly #transaction: IDBTransaction;
  readonly #others: PromiseLike<unknown>[] = [];
  #hasWritten = false;
  /** Error of the write that made the transaction abort; the transaction's own may hide it. */
  failure: DOMException | undefined;
  constructor(transaction: IDBTransaction) {
    this.#transaction = transaction;
  }

  /** Returns all rows of a small table. */
  async all<N extends Name>(table: N): Promise<Row<N>[]> {
    const [rows] = await resultsOf<Row<N>[]>([this.#store(table).getAll()]);
    return rows ?? [];
  }

  /** Returns the rows of these keys, in their order. */
  async get<N extends Name>(
    table: N,
    keys: readonly IDBValidKey[],
  ): Promise<(Row<N> | undefined)[]> {
    const store = this.#store(table);
    return resultsOf<Row<N> | undefined>(keys.map((key) => store.get(key)));
  }

  put<N extends Name>(table: N, rows: readonly Row<N>[]): void {
    const store = this.#store(table);
    for (const row of rows) this.#mustSucceed(store.put(row));
  }

  /** Puts rows that are not there yet: a row that is there makes the transaction abort. */
  add<N extends Name>(table: N, rows: readonly Row<N>[]): void {
    const store = this.#store(table);
    for (const row of rows) this.#mustSucceed(store.add(row));
  }

  delete(table: Name, keys: readonly IDBValidKey[]): void {
    const store = this.#store(table);
    for (const key of keys) this.#mustSucceed(store.delete(key));
  }

  /** Adds a write that Dexie makes. */
  also(write: PromiseLike<unknown>): void {
    // `commit()` reports the error. This handler only stops an unhandled-rejection warning.
    write.then(undefined, () => undefined);
    this.#others.push(write);
  }

  /**
   * Commits without waiting for the writes: the browser would ask for that only once it had told of
   * each. The transaction's end is still Dexie's to await.
   */
  async commit(): Promise<void> {
    await Promise.all(this.#others);
    if (this.#hasWritten) this.#transaction.commit();
  }

  #store(table: Name): IDBObjectStore {
    return this.#transaction.objectStore(table);
  }

  /** Keeps a failure from Dexie, which would take it for handled: the transaction must abort. */
  #mustSucceed(request: IDBRequest): void {
    this.#hasWritten = true;
    request.onerror = (event) => {
      event.stopPropagation();
      // The requests after a failed one are told of the abort.
      if (request.error?.name !== 'AbortError') this.failure ??= request.error ?? undefined;
    };
  }
}

/** Results of requests that were made in this order: the last to be answered. */
async function resultsOf<T>(requests: readonly IDBRequest<T>[]): Promise<T[]> {
  const last = requests.at(-1);
  if (!last) return [];
  return new Promise((resolve, reject) => {
    for (const request of requests)
      request.onerror = () => reject(request.error ?? new Error('IndexedDB failed.'));
    last.onsuccess = () => resolve(requests.map(({ result }) => result));
  });
}
