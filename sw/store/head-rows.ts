import type { Native } from './native.ts';
import type { Stamp } from './rows.ts';

/**
 * The rows that nearly every transaction needs, in their table: the replica's own and its stamp.
 * Read once, with a single request.
 */
export class HeadRows {
  readonly #native: Native;
  #rows: Promise<readonly unknown[]> | undefined;
  constructor(native: Native) {
    this.#native = native;
  }

  async stamp(): Promise<Stamp | undefined> {
    return (await this.#row('stamp')) as Stamp | undefined;
  }
  /** The replica's row, unchecked. */
  async replica(): Promise<unknown> {
    return this.#row('replica');
  }

  /** Forgets rows that were read before the table was emptied. */
  forget(): void {
    this.#rows = undefined;
  }

  async #row(key: string): Promise<unknown> {
    const rows = await (this.#rows ??= this.#native.all('replica'));
    return rows.find((row) => (row as { readonly key: unknown }).key === key);
  }
}
