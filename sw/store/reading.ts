import type { Poisoned } from './quarantine.ts';

/** What one transaction has met. */
export interface Reading {
  readonly poisoned: Poisoned[];
  /** The records it is about. */
  readonly touched: Set<string>;
  /** Until then whatever fails is the storage's failure. */
  hasBegun: boolean;
}

export const newReading = (): Reading => ({ poisoned: [], touched: new Set(), hasBegun: false });
