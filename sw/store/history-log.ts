import type { HistoryEntry, HistoryFact, HistoryFilter } from '../../shared/history.ts';
import type { Native } from './native.ts';
import { lastNumber } from './numbered.ts';
import { validRows } from './quarantine.ts';
import type { HistoryTable, CorruptRow } from './rows.ts';

/** Entries kept, at about 200 bytes each; the oldest are deleted first. */
export const HISTORY_KEPT_MAX = 2_000;

type Dated = HistoryFact & { readonly at: number };

/** The bounded log of the engine's work, inside one transaction. */
export class HistoryLog {
  readonly #table: HistoryTable;
  readonly #corrupt: CorruptRow[];
  readonly #native: Native;
  #facts: Dated[] = [];
  #lastNumber: Promise<number> | undefined;
  constructor(table: HistoryTable, corrupt: CorruptRow[], native: Native) {
    this.#table = table;
    this.#corrupt = corrupt;
    this.#native = native;
  }

  /** Collects facts, to be written at the end of the transaction. `at`: ms since 1970. */
  append(at: number, facts: readonly HistoryFact[]): void {
    if (facts.length === 0) return;
    // Requested before the transaction's writes, so that the answer does not wait behind them.
    this.#lastNumber ??= lastNumber(this.#table);
    this.#lastNumber.catch(() => undefined);
    this.#facts.push(...facts.map((fact) => ({ ...fact, at })));
  }

  /** Writes the collected facts, and deletes entries that are too old to be kept. */
  async write(): Promise<void> {
    if (!this.#lastNumber) return;
    const last = await this.#lastNumber;
    const entries = this.#facts.map((fact, index) => ({ ...fact, seq: last + 1 + index }));
    this.#native.put('history', entries);
    const old = last + entries.length - HISTORY_KEPT_MAX;
    if (old > 0) this.#native.also(this.#table.where('seq').belowOrEqual(old).delete());
    [this.#facts, this.#lastNumber] = [[], undefined];
  }

  /** Reads the entries that match, the newest first. */
  async read({
    kinds,
    since = Number.NEGATIVE_INFINITY,
    limit = HISTORY_KEPT_MAX,
  }: HistoryFilter): Promise<HistoryEntry[]> {
    await this.write();
    const wanted = kinds && new Set<string>(kinds);
    const found = this.#table
      .orderBy('seq')
      .reverse()
      .filter((entry) =>
        validRows('history', [entry], this.#corrupt).some(
          ({ kind, at }) => at >= since && (!wanted || wanted.has(kind)),
        ),
      );
    return found.limit(limit).toArray();
  }
}
