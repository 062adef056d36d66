import { mirrorOf } from './store/mirror.ts';
import type { Store } from './store/replica-store.ts';
import type { Transport } from './transport/transport.ts';
import type { World } from './world.ts';

/** When a drain begins the mirror waits for its first answer, and after an answer for the next request to go out; no longer than after a mirror that took so long. */
const HELD_AS_MS = 50;
/** While answer follows answer each mirror would only show that less is unsent. */
const BUSY_MS = 5_000;

/**
 * Keeps the mirror like the replica, a moment behind it: whatever is written is on disk, and its page answered, before its mirror is. Many writes
 * make one mirror. One that cannot be written is tried again with the next change; nothing waits for it.
 */
export class MirrorWriter {
  readonly #world: Pick<World, 'store' | 'mirror' | 'logger' | 'clock'>;
  #isDirty = false;
  #isClosed = false;
  #isResting = false;
  /** A batch is being sealed, or an answer settled: reading all that is unsent would keep them waiting. */
  #isHeld = false;
  #holds = 0;
  /** When the last one was begun, or they were held; ms since 1970. */
  #lastAt = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> | undefined;

  constructor(world: Pick<World, 'store' | 'mirror' | 'logger' | 'clock'>) {
    this.#world = world;
  }

  /** The same store; each write that is through is mirrored. */
  watching(store: Store): Store {
    return {
      read: (body) => store.read(body),
      destroy: () => store.destroy(),
      during: (work) => {
        void this.#hold();
        return store.during(work);
      },
      write: async (body) => {
        const result = await store.write(body);
        this.#isDirty = true;
        this.#keepUp();
        return result;
      },
    };
  }

  /** The same way to Airflow. While an answer is awaited is the time for a mirror, but not for each of many; one that is long in coming is waited for no longer. */
  beside(transport: Transport): Transport {
    const exchange: Transport['exchange'] = async (job, credentials) => {
      const sinceLast = this.#world.clock.now() - this.#lastAt;
      // A clock that was set back tells nothing.
      if (sinceLast < 0 || sinceLast >= BUSY_MS) this.#letGo();
      try {
        return await transport.exchange(job, credentials);
      } finally {
        void this.#hold();
      }
    };
    return Object.assign(Object.create(transport) as Transport, { exchange });
  }

  /** Resolves when the mirror shows all that was written before. Does not rest. */
  async flush(): Promise<void> {
    while ((this.#isDirty || this.#writing) && !this.#isClosed) await this.#writeOne();
  }

  /** Writes a mirror where one is due: one, and what comes while it is written comes after a rest. */
  #keepUp(): void {
    if (this.#isDirty && !this.#isClosed && !this.#writing && !this.#isResting && !this.#isHeld) void this.#writeOne();
  }

  /** One mirror, or the one that is being written; a rest follows, whatever is captured meanwhile. */
  #writeOne(): Promise<void> {
    return (this.#writing ??= this.#write().finally(() => (this.#writing = undefined)));
  }

  /** Nothing is written any more, from now on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
  }

  reopen(): void {
    this.#isClosed = false;
    this.#isDirty = true;
    void this.#writeOne();
  }

  async #write(): Promise<void> {
    const { store, mirror, logger, clock } = this.#world;
    const began = clock.now();
    this.#lastAt = began;
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
    this.#keepUp();
  }

  async #hold(): Promise<void> {
    if (!this.#isHeld) this.#lastAt = this.#world.clock.now();
    this.#isHeld = true;
    const hold = ++this.#holds;
    await this.#world.mirror.pause(HELD_AS_MS);
    if (hold === this.#holds) this.#letGo();
  }

  #letGo(): void {
    this.#isHeld = false;
    this.#keepUp();
  }
}
