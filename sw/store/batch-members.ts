import type { Batch } from '../../shared/batch.ts';
import type { Mutation } from '../../shared/mutation.ts';
import type { Delivery } from '../outbox/delivery.ts';

/** Which records the batch on its way holds. Their rows stay as they were captured until something is written to them: the frozen bytes say that they are in it. */
export interface BatchMembers {
  readonly has: (collection: string, id: string) => boolean;
  readonly size: number;
  /** The rows that stayed have no `sendable` key above it. */
  readonly lastSendable: number;
}

export const NO_MEMBERS: BatchMembers = { has: () => false, size: 0, lastSendable: Number.NEGATIVE_INFINITY };

interface Named {
  readonly collection: string;
  readonly id: string;
}

interface Parsed {
  readonly number: number | undefined;
  readonly nonce: string | undefined;
  readonly length: number;
  readonly members: BatchMembers | undefined;
}

/** Reads the members of a batch out of its bytes, once for as long as it is on its way. */
export class MembersReader {
  #last: Parsed | undefined;

  /** Undefined where the bytes are no batch, or another than the delivery says: somebody has written over them, and no answer would be theirs. */
  of({ number, nonce, batch }: Delivery): BatchMembers | undefined {
    if (batch === undefined) return NO_MEMBERS;
    const { length } = batch;
    if (this.#last?.number !== number || this.#last?.nonce !== nonce || this.#last?.length !== length)
      this.#last = { number, nonce, length, members: parse(batch, number, nonce) };
    return this.#last.members;
  }
}

/** Enough of a mutation to find its record. Whether the rest is one is for Airflow to say. */
const isNamed = ({ collection, id, firstSeq }: Mutation): boolean => typeof collection === 'string' && typeof id === 'string' && Number.isSafeInteger(firstSeq);

export const keyOf = ({ collection, id }: Named): string => `${collection}\n${id}`;

function parse(batch: string, number: unknown, nonce: unknown): BatchMembers | undefined {
  try {
    const { mutations, ...name } = JSON.parse(batch) as Batch;
    if (name.number !== number || name.nonce !== nonce || !mutations.every(isNamed)) return undefined;
    const keys = new Set(mutations.map(keyOf));
    const lastSendable = mutations.reduce((max, { firstSeq }) => Math.max(max, firstSeq), NO_MEMBERS.lastSendable);
    return { has: (collection, id) => keys.has(keyOf({ collection, id })), size: keys.size, lastSendable };
  } catch {
    return undefined;
  }
}
