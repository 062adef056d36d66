import { doubt, epochOf, type Entry, type Proven } from './ledger.ts';
import type { StoreState } from './memory-store.ts';
import type { Asked } from './request.ts';

/** Whatever lies outside the store, where no backup reaches: names of epochs, and proofs. */
export class Epochs {
  readonly #keepsEpoch: boolean;
  readonly #givesProofs: boolean;
  #count = 1;
  #kept: string | undefined;
  /** The proofs given; in memory no other proof can be made. */
  readonly #proofs = new Map<string, Proven>();

  constructor(keepsEpoch: boolean, givesProofs: boolean) {
    this.#keepsEpoch = keepsEpoch;
    this.#givesProofs = givesProofs;
  }

  /** The epoch of the answer, renewed where anything shows that the store was restored. */
  of(asked: Asked, entry: Entry | undefined, state: StoreState): string {
    if (this.#keepsEpoch) {
      this.#kept ??= state.epoch;
      if (this.#kept !== state.epoch) return this.renew(state);
    }
    const { proof, epoch } = asked;
    const proven = proof === undefined ? undefined : this.#proofs.get(placeOf(proof, asked, epoch));
    const doubted = doubt(asked, entry, state, proven);
    if (doubted === 'restored') return this.renew(state);
    return doubted === 'claim' ? `${state.epoch}.${this.#newEpoch()}` : epochOf(entry, state.epoch);
  }

  renew(state: StoreState): string {
    state.epoch = this.#newEpoch();
    if (this.#keepsEpoch) this.#kept = state.epoch;
    return state.epoch;
  }

  /** Returns the proof of an answer after which the replica's row is `entry`. */
  prove(asked: Asked, { told, number, answers, receipts, epoch }: Entry): string | undefined {
    if (!this.#givesProofs) return undefined;
    const proof = `${told}.${number}.${answers}.${crypto.randomUUID()}`;
    const proven = { told, number, answers, receipt: receipts.at(-1) };
    this.#proofs.set(placeOf(proof, asked, epoch), proven);
    return proof;
  }

  #newEpoch = (): string => `e${++this.#count}`;
}

const placeOf = (proof: string, { replicaId, user }: Asked, epoch: string | null): string =>
  JSON.stringify([proof, replicaId, user, epoch]);
