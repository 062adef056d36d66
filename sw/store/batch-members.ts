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
  readonly nonce: string | undefined;
  readonly length: number;
  readonly members: BatchMembers | undefined;
}

/** Reads the members of a batch out of its bytes, once for as long as it is on its way. */
export class MembersReader {
  #last: Parsed | undefined;

  /** Undefined where the bytes are no batch: somebody has written over them. */
  of({ nonce, batch }: Delivery): BatchMembers | undefined {
    if (batch === undefined) return NO_MEMBERS;
    if (this.#last?.nonce !== nonce || this.#last?.length !== batch.length) this.#last = { nonce, length: batch.length, members: parse(batch) };
    return this.#last.members;
  }
}

export const keyOf = ({ collection, id }: Named): string => `${collection}\n${id}`;

function parse(batch: string): BatchMembers | undefined {
  try {
    const { mutations } = JSON.parse(batch) as { mutations: (Named & { firstSeq: number })[] };
    const keys = new Set(mutations.map(keyOf));
    const lastSendable = mutations.reduce((max, { firstSeq }) => Math.max(max, firstSeq), NO_MEMBERS.lastSendable);
    return { has: (collection, id) => keys.has(keyOf({ collection, id })), size: keys.size, lastSendable };
  } catch {
    return undefined;
  }
}
