import type { CorruptRow } from './rows.ts';

/** Facts gathered while a transaction runs. */
export interface TxFindings {
  readonly corrupt: CorruptRow[];
  /** Keys of the records that the transaction asked for. */
  readonly touched: Set<string>;
  /** Whether the transaction's body has begun. Any earlier failure is the storage's. */
  hasBegun: boolean;
}

export const newFindings = (): TxFindings => ({ corrupt: [], touched: new Set(), hasBegun: false });
