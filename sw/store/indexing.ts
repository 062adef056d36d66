import { UpdraftError } from '../../shared/errors.ts';
import type { Store } from './replica-store.ts';
import type { World } from '../world.ts';

/** A capture waits for at most one slice: some 20 ms in Chromium on a desktop. */
export const ROWS_A_SLICE = 250;
/** The page's request times out after 5 s, so the error must be sent earlier. */
const PATIENCE_MS = 3_500;

/**
 * Indexes stored rows anew after the declaration of indexes has changed (ADR 32). Runs in the
 * background with a transaction a slice, so that captures and settling come in between. Each
 * slice stores its progress: a killed worker loses one slice.
 */
export class Indexing {
  readonly #store: Store;
  readonly #world: Pick<World, 'clock' | 'logger'>;
  #isClosed = false;
  #walk: Promise<void> | undefined;

  constructor(store: Store, world: Pick<World, 'clock' | 'logger'>) {
    this.#store = store;
    this.#world = world;
  }

  /**
   * Resolves when all rows are indexed, or the replica is closed; joins a walk that is already
   * running. Rejects where the storage fails.
   */
  finished(): Promise<void> {
    return (this.#walk ??= this.#walkToTheEnd().finally(() => (this.#walk = undefined)));
  }

  /**
   * Indexes in the background. A failure is only logged, since the next query by the index tries
   * again.
   */
  async inTheBackground(): Promise<void> {
    await this.finished().catch((error: unknown) =>
      this.#world.logger.error(
        'Stored rows could not be indexed anew; the next query tries again.',
        error,
      ),
    );
  }

  /** Waits up to `PATIENCE_MS` for the indexes, then throws `indexing`. */
  async awaited(): Promise<void> {
    let cancel = (): void => undefined;
    const late = new Promise<'late'>(
      (resolve) => (cancel = this.#world.clock.after(PATIENCE_MS, () => resolve('late'))),
    );
    const done = await Promise.race([this.finished(), late]);
    cancel();
    if (done === 'late' || this.#isClosed)
      throw new UpdraftError(
        'indexing',
        'Stored records are being indexed after a change of collections.json. Ask again in a ' +
          'moment.',
      );
  }

  close(): void {
    this.#isClosed = true;
  }

  async #walkToTheEnd(): Promise<void> {
    try {
      while (!this.#isClosed && !(await this.#store.write((tx) => tx.indexAnew(ROWS_A_SLICE))));
    } catch (error) {
      // A closed replica has no store, so its failure means nothing.
      if (!this.#isClosed) throw error;
    }
  }
}
