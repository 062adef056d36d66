/**
 * The writes of one transaction. The database carries requests out in the order they were made, and what is read after a write sees it: so nobody waits for
 * each of them, and all are waited for at the end. One that fails ends the transaction there.
 */
export class Writes {
  readonly #all: PromiseLike<unknown>[] = [];

  /** The request has been made. */
  add(write: PromiseLike<unknown>): void {
    // Heard at the end; until then it is not unheard.
    write.then(undefined, () => undefined);
    this.#all.push(write);
  }

  /** Resolves when all are done; rejects as the first that failed. */
  async done(): Promise<void> {
    await Promise.all(this.#all);
  }
}
