import type { Replica } from '../state/replica.ts';
import { validRows } from './quarantine.ts';
import type { HeadRows } from './head-rows.ts';
import type { BoundTables } from './native.ts';
import type { CorruptRow } from './rows.ts';

/**
 * Thrown when the browser has emptied the database while open. The caller opens the replica anew,
 * restored from its mirror.
 */
export class EmptiedError extends Error {}

/** The replica's row, inside one transaction. */
export class ReplicaRow {
  readonly #tables: Pick<BoundTables, 'replica' | 'native'>;
  readonly #head: HeadRows;
  readonly #corrupt: CorruptRow[];
  /** The row as last read or written by this transaction. */
  #replica: Replica | undefined;
  constructor(
    tables: Pick<BoundTables, 'replica' | 'native'>,
    head: HeadRows,
    corrupt: CorruptRow[],
  ) {
    this.#tables = tables;
    this.#head = head;
    this.#corrupt = corrupt;
  }

  async find(): Promise<Replica | undefined> {
    if (this.#replica) return this.#replica;
    const row = await this.#head.replica();
    // A concurrent call may have written the row meanwhile.
    this.#replica ??= validRows('replica', row ? [row as Replica] : [], this.#corrupt)[0];
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
    this.#tables.native.put('replica', [{ ...replica, key: 'replica' }]);
  }

  async clear(): Promise<void> {
    this.#replica = undefined;
    this.#head.forget();
    await this.#tables.replica.clear();
  }
}
