import type { Declarations } from '../../shared/collections.ts';

/** What settling draws on beside the transaction. */
export interface SettleDeps {
  readonly declarations: Declarations;
  readonly now: number;
  readonly randomHex: () => string;
}
