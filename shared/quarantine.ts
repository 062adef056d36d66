import type { Json } from './json.ts';

/**
 * A stored row that could not be read, as found: kept where nothing reads or sends it. The row is
 * the person's own data, for them to look at and to export.
 */
export interface QuarantinedRow {
  /** Name of the row in `discardQuarantined()`. */
  readonly number: number;
  /** Table of the replica that held the row: `records`, `calls`, … */
  readonly table: string;
  /** Fault of the row; never the contents. */
  readonly why: string;
  /** When the row was found, ms since 1970. */
  readonly at: number;
  /**
   * Whether the row holds work that is not in Airflow, as far as can be told. Such a row counts as
   * unsent until a person retries or discards it.
   */
  readonly unsent: boolean;
  /** Collection of the record, if readable. */
  readonly collection?: string;
  readonly id?: string;
  /** The row. Values without a JSON form are given as text. */
  readonly row: Json;
}
