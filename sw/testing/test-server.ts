import type { Batch } from '../../shared/batch.ts';
import type { ExchangeRequest, ExchangeResponse } from '../../shared/exchange.ts';
import type { Mutation } from '../../shared/mutation.ts';
import type { Verdict } from '../../shared/verdict.ts';
import type { Transport } from '../transport/transport.ts';

export const readBatch = (batch: string): readonly Mutation[] =>
  (JSON.parse(batch) as Batch).mutations;

/**
 * For tests: answers exchanges by the protocol, with the verdicts a test wants. Has no ledger and
 * keeps no records: the simulation and the acceptance tests show the real exchange.
 */
export class TestServer {
  /** The received batches, in order. */
  readonly batches: string[] = [];
  /** The `since` of each request. */
  readonly sinces: number[] = [];
  readonly #verdict: (mutation: Mutation, revision: number) => Verdict;
  #revision = 0;

  constructor(
    verdict: (mutation: Mutation, revision: number) => Verdict = (
      { collection, id },
      revision,
    ) => ({ verdict: 'applied', collection, id, revision }),
  ) {
    this.#verdict = verdict;
  }

  readonly transport: Transport = {
    carriesPrivate: true,
    exchange: async ({ request }) => ({
      kind: 'settle',
      response: this.answer(request),
      via: 'plugin',
    }),
  };

  answer({ replicaId, epoch, last, since, floor, batch, hash }: ExchangeRequest): ExchangeResponse {
    this.sinces.push(since);
    if (batch !== undefined) this.batches.push(batch);
    const { nonce } = batch === undefined ? { nonce: null } : (JSON.parse(batch) as Batch);
    const verdicts =
      batch === undefined
        ? undefined
        : readBatch(batch).map((mutation) => this.#verdict(mutation, ++this.#revision));
    const reset = epoch === null;
    return {
      protocol: 1,
      replicaId,
      echo: { epoch, since, floor, last, nonce, hash: hash ?? null },
      epoch: 'e1',
      ...(verdicts === undefined ? {} : { verdicts }),
      reset,
      start: reset ? this.#revision : floor,
      changes: [],
      upTo: this.#revision,
      more: false,
    };
  }
}
