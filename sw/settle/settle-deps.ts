import type { Declarations } from '../../shared/collections.ts';

/** Dependencies of settling beside the transaction. */
export interface SettleDeps {
  readonly declarations: Declarations;
  readonly now: number;
  readonly randomHex: () => string;
}
