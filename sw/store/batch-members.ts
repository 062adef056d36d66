import { recordKey } from '../record/record-key.ts';
import type { Batch } from '../../shared/batch.ts';
import type { Mutation } from '../../shared/mutation.ts';
import type { Delivery } from '../state/delivery.ts';

/**
 * The records of the in-flight batch. Their rows stay as captured until the next write to a row:
 * the frozen bytes of the batch say which records are members.
 */
export interface BatchMembers {
  readonly has: (collection: string, id: string) => boolean;
  readonly size: number;
  /** The largest `firstSeq` in the batch. No member's row has a larger `sendable` key. */
  readonly maxFirstSeq: number;
}

export const NO_MEMBERS: BatchMembers = {
  has: () => false,
  size: 0,
  maxFirstSeq: Number.NEGATIVE_INFINITY,
};

interface Parsed {
  readonly number: number | undefined;
  readonly nonce: string | undefined;
  readonly length: number;
  readonly members: BatchMembers | undefined;
}

/** Reads the members of a batch out of its bytes, once while the batch is in flight. */
export class MembersReader {
  #last: Parsed | undefined;

  /**
   * Returns undefined where the bytes are no batch, or another batch than the delivery says: a
   * script has overwritten the row, and no response could match.
   */
  of({ number, nonce, batch }: Delivery): BatchMembers | undefined {
    if (batch === undefined) return NO_MEMBERS;
    const { length } = batch;
    if (
      this.#last?.number !== number ||
      this.#last?.nonce !== nonce ||
      this.#last?.length !== length
    )
      this.#last = { number, nonce, length, members: parse(batch, number, nonce) };
    return this.#last.members;
  }
}

/** Checks only the fields that name the record. Airflow validates the rest. */
const isNamed = ({ collection, id, firstSeq }: Mutation): boolean =>
  typeof collection === 'string' && typeof id === 'string' && Number.isSafeInteger(firstSeq);

function parse(batch: string, number: unknown, nonce: unknown): BatchMembers | undefined {
  try {
    const { mutations, ...name } = JSON.parse(batch) as Batch;
    if (name.number !== number || name.nonce !== nonce || !mutations.every(isNamed))
      return undefined;
    const keys = new Set(mutations.map(recordKey));
    const maxFirstSeq = mutations.reduce(
      (max, { firstSeq }) => Math.max(max, firstSeq),
      NO_MEMBERS.maxFirstSeq,
    );
    return {
      has: (collection, id) => keys.has(recordKey({ collection, id })),
      size: keys.size,
      maxFirstSeq,
    };
  } catch {
    return undefined;
  }
}
