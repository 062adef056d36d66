import { isNumbered, lastNumber } from './numbered.ts';
import type { CorruptRow, QuarantineTable } from './rows.ts';

/** A row in quarantine, with its number. */
export interface Quarantined extends CorruptRow {
  readonly number: number;
  readonly at: number;
  /** Set once the batch that carried the row's change has been answered. */
  readonly settled?: true;
  /**
   * Set if the row came back from a mirror, and values without a JSON form have become texts: the
   * row shows what was there, but is not sent again.
   */
  readonly hasTexts?: true;
}

/**
 * The rows in quarantine, inside one transaction. Only the commands and the status for a person
 * read quarantined rows.
 */
export class QuarantineRows {
  readonly #table: QuarantineTable;
  constructor(table: QuarantineTable) {
    this.#table = table;
  }

  count(): Promise<number> {
    return this.#table.count();
  }
  lastNumber(): Promise<number> {
    return lastNumber(this.#table);
  }

  /**
   * Returns the number of rows, and the rows that can be read. Each status asks, and the quarantine
   * is nearly always empty: then the cost is a single request.
   */
  async counted(): Promise<{ readonly count: number; readonly rows: Quarantined[] }> {
    const count = await this.count();
    return { count, rows: count === 0 ? [] : await this.#readable() };
  }
  async all(): Promise<Quarantined[]> {
    return (await this.counted()).rows;
  }

  async #readable(): Promise<Quarantined[]> {
    const rows: Quarantined[] = [];
    await this.#table.each((row, { primaryKey }) => {
      // A script may have written anything here, too.
      if (isNumbered(primaryKey) && isCorruptRow(row)) rows.push({ ...row, number: primaryKey });
    });
    return rows;
  }

  async remove(numbers: readonly number[]): Promise<void> {
    await this.#table.bulkDelete([...numbers]);
  }
  async put({ number, ...row }: Quarantined): Promise<void> {
    await this.#table.put(row, number);
  }

  /** Puts back rows of a mirror. Rows that are here stay: no number is given twice. */
  async restore(rows: readonly Quarantined[]): Promise<void> {
    const here = (await this.all()).map(({ number }) => number);
    for (const row of rows) if (!here.includes(row.number)) await this.put(row);
  }
}

/** Whether the row names its table, its fault and its time. */
export const isCorruptRow = (row: unknown): boolean => {
  const { table, why, at } = Object(row) as Partial<Record<keyof Quarantined, unknown>>;
  return typeof table === 'string' && typeof why === 'string' && typeof at === 'number';
};
