import type { Table } from 'dexie';
import * as v from 'valibot';
import type { AnsweredRequest } from './database.ts';
import { sound, type Poisoned } from './quarantine.ts';

const KEPT_MS = 7 * 24 * 3_600_000;

/** What a request was answered with. `damaged`: it was done, and what was answered makes no sense any more. */
export type Answered<T> = { readonly answer: T } | 'damaged';

/** The requests that were done, inside one transaction: one that is repeated gets its answer and changes nothing. */
export class RequestTable {
  readonly #requests: Table<AnsweredRequest, string>;
  readonly #poisoned: Poisoned[];
  constructor(requests: Table<AnsweredRequest, string>, poisoned: Poisoned[]) {
    this.#requests = requests;
    this.#poisoned = poisoned;
  }

  /** Many at once, in the order asked for. `schema`: of such an answer. */
  async answers<T>(requestIds: readonly string[], schema: v.GenericSchema<unknown, T>): Promise<(Answered<T> | undefined)[]> {
    const rows = await this.#requests.bulkGet([...requestIds]);
    return rows.map((row) => {
      if (!row) return undefined;
      const [done] = sound('requests', [row], this.#poisoned);
      const read = done && 'answer' in done ? v.safeParse(schema, done.answer) : undefined;
      return read?.success ? { answer: read.output } : 'damaged';
    });
  }

  async put(rows: readonly AnsweredRequest[]): Promise<void> {
    await this.#requests.bulkPut([...rows]);
  }

  /** Forgets what no page asks for any more. `now`: ms since 1970. */
  async prune(now: number): Promise<void> {
    await this.#requests
      .where('at')
      .below(now - KEPT_MS)
      .delete();
  }

  /** The newest, which may still be repeated. */
  async newest(limit: number): Promise<AnsweredRequest[]> {
    return sound('requests', await this.#requests.orderBy('at').reverse().limit(limit).toArray(), this.#poisoned);
  }
}
