import type { Settled } from '../shared/row.ts';

/** Receipt of a capture that is on disk. */
export interface Receipt {
  readonly id: string;
  /**
   * Resolves when the server has given a verdict, which may be days later. Not kept over a reload:
   * watch the rows for the verdict.
   */
  readonly settled: Promise<Settled>;
}

/**
 * `from`: the record as seen by the author on opening the form (the row's `value`), or at least the
 * `revision`. Only the author's own edits are then captured, and a field that somebody else has
 * changed meanwhile too becomes a conflict. Without `from` the author is taken to have seen the
 * device's present record.
 */
export interface Seen<T> {
  readonly from?: T | number | undefined;
}

/**
 * `draft: true` keeps a record that does not fit its schema yet on this device, unsent, with the
 * state `draft`. The first capture that makes the record fit sends it.
 */
export interface Drafting {
  readonly draft?: boolean;
}

/** Fields to change of a record; `undefined` removes a field. */
export interface Patch<T> extends Seen<T>, Drafting {
  readonly id: string;
  readonly set: { readonly [K in keyof Omit<T, 'id'>]?: T[K] | undefined };
}
