import type { Replica } from '../state/replica.ts';
import { validRows } from './quarantine.ts';
import type { CacheView } from './read-cache.ts';
import type { BoundTables, CorruptRow } from './rows.ts';
import type { Writes } from './writes.ts';

/**
 * Thrown when the browser has emptied the database while open. The caller opens the replica anew,
 * restored from its mirror.
 */
export class EmptiedError extends Error {}

/** The replica's row, inside one transaction. */
export class ReplicaRow {
  readonly #table: BoundTables['replica'];
  readonly #cache: CacheView;
  readonly #corrupt: CorruptRow[];
  readonly #writes: Writes;
  /** The row as last read or written by this transaction. */
  #replica: Replica | undefined;
  constructor(
    table: BoundTables['replica'],
    cache: CacheView,
    corrupt: CorruptRow[],
    writes: Writes,
  ) {
    this.#table = table;
    this.#cache = cache;
    this.#corrupt = corrupt;
    this.#writes = writes;
  }

  async find(): Promise<Replica | undefined> {
    if (this.#replica) return this.#replica;
    // Nearly every transaction needs both.
    const [row] = await Promise.all([this.#table.get('replica'), this.#cache.cached()]);
    this.#replica ??= validRows('replica', row ? [row] : [], this.#corrupt)[0];
    return this.#replica;
  }

  async get(): Promise<Replica> {
    const replica = await this.find();
    if (!replica)
      throw new EmptiedError('the replica has no row: its database was emptied while it was open');
    return replica;
  }

  put(replica: Replica): void {
    this.#replica = replica;
    this.#writes.add(this.#table.put({ ...replica, key: 'replica' }));
  }

  async clear(): Promise<void> {
    this.#replica = undefined;
    await this.#table.clear();
  }
}
