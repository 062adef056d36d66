import { mirrorOf, type MirrorContent } from './mirror.ts';
import type { Store } from '../store/replica-store.ts';
import type { Transport } from '../transport/transport.ts';
import type { World } from '../world.ts';

/**
 * Mirror writes pause when a drain starts and after each response, for at most 0.5 s
 * (`Mirror.pause` takes this value for a mirror's duration), so that mirroring does not compete
 * with sealing and settling.
 */
const MIRROR_DELAY_MS = 50;
/**
 * Shortest time between mirrors while answers follow each other: each mirror would only show that
 * less is unsent.
 */
const BUSY_MS = 5_000;

interface Found {
  readonly content: MirrorContent;
  readonly foundCorrupt: boolean;
}

/**
 * Keeps the mirror up to date, a moment behind the replica: a write is on disk and its page
 * answered before the write is mirrored. Many writes share a mirror. A mirror that cannot be
 * written is tried again with the next change; nothing waits for the mirror.
 */
export class MirrorWriter {
  readonly #world: Pick<World, 'store' | 'mirror' | 'logger' | 'clock'>;
  #isDirty = false;
  #isClosed = false;
  #isResting = false;
  /**
   * True while a batch is being sealed or an answer settled: reading all unsent rows would delay
   * both.
   */
  #isPaused = false;
  #pauses = 0;
  /** Time of the last mirror's start or of the last pause; ms since 1970. */
  #lastAt = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> | undefined;

  constructor(world: Pick<World, 'store' | 'mirror' | 'logger' | 'clock'>) {
    this.#world = world;
  }

  /** Returns the store with each completed write mirrored. */
  mirroredStore(store: Store): Store {
    return {
      // A read that finds damaged rows moves them into quarantine: a change like a write.
      read: async (body) => {
        let foundCorrupt = false;
        const result = await store.read(async (tx) => {
          const found = await body(tx);
          ({ foundCorrupt } = tx);
          return found;
        });
        if (foundCorrupt) this.#changed();
        return result;
      },
      destroy: () => store.destroy(),
      declare: (declarations) => store.declare(declarations),
      during: (work) => {
        void this.#pause();
        return store.during(work);
      },
      write: async (body) => {
        const result = await store.write(body);
        this.#changed();
        return result;
      },
    };
  }

  /**
   * Returns the transport with mirrors written while an answer is awaited, but at most every
   * `BUSY_MS`; after an answer mirroring pauses.
   */
  mirroredTransport(transport: Transport): Transport {
    const exchange: Transport['exchange'] = async (job, credentials) => {
      const sinceLast = this.#world.clock.now() - this.#lastAt;
      // A negative difference means that the clock was set back.
      if (sinceLast < 0 || sinceLast >= BUSY_MS) this.#resume();
      try {
        return await transport.exchange(job, credentials);
      } finally {
        void this.#pause();
      }
    };
    return Object.assign(Object.create(transport) as Transport, { exchange });
  }

  /** Resolves when the mirror holds all earlier writes. Does not rest. */
  async flush(): Promise<void> {
    while ((this.#isDirty || this.#writing) && !this.#isClosed) await this.#writeOne();
  }

  #changed(): void {
    this.#isDirty = true;
    this.#keepUp();
  }

  /**
   * Writes a mirror if the replica changed and nothing forbids a mirror now. Changes made during
   * the write are mirrored after a rest.
   */
  #keepUp(): void {
    if (this.#isDirty && !this.#isClosed && !this.#writing && !this.#isResting && !this.#isPaused)
      void this.#writeOne();
  }

  /** Writes a mirror, or joins the write under way; a rest follows. */
  #writeOne(): Promise<void> {
    return (this.#writing ??= this.#write().finally(() => (this.#writing = undefined)));
  }

  /** Stops mirroring; resolves when the write under way has ended. */
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
    const read = (withRecords: boolean): Promise<Found> =>
      store.read(async (tx) => ({
        content: await mirrorOf(tx, await tx.replica(), withRecords),
        foundCorrupt: tx.foundCorrupt,
      }));
    const write = async (withRecords: boolean): Promise<void> => {
      const found = await read(withRecords);
      // Damaged rows that were found just now are in quarantine, and in the second content.
      await mirror.write((found.foundCorrupt ? await read(withRecords) : found).content);
    };
    // A full disk may still have room for the marker alone.
    await write(true)
      .catch(() => write(false))
      .catch((error: unknown) =>
        logger.error(
          'The mirror could not be written; ' +
            'a loss of the database would be noticed late, or not at all.',
          error,
        ),
      );
    this.#isResting = true;
    // The duration includes reading, which takes longer than writing for many unsent records.
    void this.#rest(Math.max(0, clock.now() - began));
  }

  async #rest(tookMs: number): Promise<void> {
    await this.#world.mirror.pause(tookMs);
    this.#isResting = false;
    this.#keepUp();
  }

  async #pause(): Promise<void> {
    if (!this.#isPaused) this.#lastAt = this.#world.clock.now();
    this.#isPaused = true;
    const pause = ++this.#pauses;
    await this.#world.mirror.pause(MIRROR_DELAY_MS);
    if (pause === this.#pauses) this.#resume();
  }

  #resume(): void {
    this.#isPaused = false;
    this.#keepUp();
  }
}
