import { mirrorOf } from './store/mirror.ts';
import type { Store } from './store/replica-store.ts';
import type { World } from './world.ts';

/**
 * Keeps the mirror like the replica, a moment behind it: whatever is written is on disk, and its page answered, before its mirror is. Many writes
 * make one mirror. One that cannot be written is tried again with the next change; nothing waits for it.
 */
export class MirrorWriter {
  readonly #world: Pick<World, 'store' | 'mirror' | 'logger' | 'clock'>;
  #isDirty = false;
  #isClosed = false;
  #isResting = false;
  #writing: Promise<void> | undefined;

  constructor(world: Pick<World, 'store' | 'mirror' | 'logger' | 'clock'>) {
    this.#world = world;
  }

  /** The same store; each write that is through is mirrored. */
  watching(store: Store): Store {
    return {
      read: (body) => store.read(body),
      destroy: () => store.destroy(),
      write: async (body) => {
        const result = await store.write(body);
        this.#isDirty = true;
        if (!this.#isResting) void this.#mirror();
        return result;
      },
    };
  }

  /** Resolves when the mirror shows all that was written before. Does not rest. */
  async flush(): Promise<void> {
    while ((this.#isDirty || this.#writing) && !this.#isClosed) await this.#mirror();
  }

  /** Nothing is written any more, from now on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
  }

  reopen(): void {
    this.#isClosed = false;
    this.#isDirty = true;
    void this.#mirror();
  }

  /** One mirror, or the one that is being written; a rest follows, whatever is captured meanwhile. */
  #mirror(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #write(): Promise<void> {
    const { store, mirror, logger, clock } = this.#world;
    const began = clock.now();
    this.#isDirty = false;
    const write = async (withRecords: boolean): Promise<void> => mirror.write(await store.read(async (tx) => mirrorOf(tx, await tx.replica(), withRecords)));
    // A full disk may still have room for the marker alone.
    await write(true)
      .catch(() => write(false))
      .catch((error: unknown) => logger.error('The mirror could not be written; a loss of the database would be noticed late, or not at all.', error));
    this.#isResting = true;
    // Of many unsent records reading takes longer than writing.
    void this.#rest(Math.max(0, clock.now() - began));
  }

  async #rest(tookMs: number): Promise<void> {
    await this.#world.mirror.pause(tookMs);
    this.#isResting = false;
    if (this.#isDirty) await this.#mirror();
  }
}
