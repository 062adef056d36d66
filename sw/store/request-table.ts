import type { Table } from 'dexie';
import * as v from 'valibot';
import { validRows } from './quarantine.ts';
import type { Native } from './native.ts';
import type { AnsweredRequest, CorruptRow } from './rows.ts';

const KEPT_MS = 7 * 24 * 3_600_000;

/** The stored answer to a request. `damaged`: the request was done, and its answer is corrupt. */
export type Answered<T> = { readonly answer: T } | 'damaged';

/**
 * The requests that were done, inside one transaction. A repeated request gets its first answer and
 * changes nothing.
 */
export class RequestTable {
  readonly #requests: Table<AnsweredRequest, string>;
  readonly #corrupt: CorruptRow[];
  readonly #native: Native;
  constructor(requests: Table<AnsweredRequest, string>, corrupt: CorruptRow[], native: Native) {
    this.#requests = requests;
    this.#corrupt = corrupt;
    this.#native = native;
  }

  /** Returns many answers in the requested order. `schema`: the answer's. */
  async answers<T>(
    requestIds: readonly string[],
    schema: v.GenericSchema<unknown, T>,
  ): Promise<(Answered<T> | undefined)[]> {
    const rows = await this.#native.get('requests', requestIds);
    return rows.map((row) => {
      if (!row) return undefined;
      const [done] = validRows('requests', [row], this.#corrupt);
      const read = done && 'answer' in done ? v.safeParse(schema, done.answer) : undefined;
      return read?.success ? { answer: read.output } : 'damaged';
    });
  }

  async put(rows: readonly AnsweredRequest[]): Promise<void> {
    this.#native.put('requests', rows);
  }
  /** Stores answers to requests that were not done before; else the transaction aborts. */
  async add(rows: readonly AnsweredRequest[]): Promise<void> {
    this.#native.add('requests', rows);
  }

  /** Deletes answers older than any repeat of a request. `now`: ms since 1970. */
  async prune(now: number): Promise<void> {
    await this.#requests
      .where('at')
      .below(now - KEPT_MS)
      .delete();
  }

  /** Returns the newest answers, for requests that may still be repeated. */
  async newest(limit: number): Promise<AnsweredRequest[]> {
    return validRows(
      'requests',
      await this.#requests.orderBy('at').reverse().limit(limit).toArray(),
      this.#corrupt,
    );
  }
}
