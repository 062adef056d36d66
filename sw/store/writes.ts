/**
 * The pending writes of one transaction. IndexedDB runs requests in order, and a read sees every
 * earlier write, so writes are awaited together at the end. A failed write aborts the transaction.
 */
export class Writes {
  readonly #all: PromiseLike<unknown>[] = [];

  /** Adds a write whose request has been made. */
  add(write: PromiseLike<unknown>): void {
    // `done()` reports the error. This handler only stops an unhandled-rejection warning.
    write.then(undefined, () => undefined);
    this.#all.push(write);
  }

  /** Resolves when all writes are done; rejects with the first failure. */
  async done(): Promise<void> {
    await Promise.all(this.#all);
  }
}
