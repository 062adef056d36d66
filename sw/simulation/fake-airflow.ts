import type { BatchName, ExchangeRequest, ExchangeResponse } from '../../shared/exchange.ts';
import type { Batch } from '../../shared/batch.ts';
import type { Doc, Json } from '../../shared/json.ts';
import type { Verdict } from '../../shared/verdict.ts';
import { withElements } from '../../shared/elements.ts';

/**
 * A store in memory that sends no changes down, for tests in which the provider's real store would
 * be too slow or cannot have the fault. Keeps a ledger, counts how often each change took effect,
 * and never disagrees.
 */
export class FakeAirflow {
  readonly records = new Map<string, Doc>();
  /**
   * `replica collection/id firstSeq..lastSeq` of each mutation, with how often the mutation took
   * effect.
   */
  readonly effects = new Map<string, number>();
  /** Batches that the device gave up as a whole. */
  voided = 0;
  #revision = 0;
  /** The last number of each replica; a voided number has no verdicts. */
  readonly #ledger = new Map<
    string,
    { readonly number: number; readonly nonce: string; readonly verdicts?: Verdict[] }
  >();

  exchange(request: ExchangeRequest): ExchangeResponse {
    const { epoch, since, floor, last } = request;
    const batch = request.batch === undefined ? undefined : (JSON.parse(request.batch) as Batch);
    const head = {
      protocol: request.protocol,
      replicaId: request.replicaId,
      echo: {
        epoch,
        since,
        floor,
        last,
        nonce: (batch ?? request.void)?.nonce ?? null,
        hash: request.hash ?? null,
      },
      epoch: 'e1',
      reset: epoch !== 'e1',
      start: floor,
      changes: [],
      more: false,
    };
    const name = batch ?? request.void;
    if (!name || epoch !== 'e1') return { ...head, upTo: this.#revision };
    const verdicts = this.#settle(request.replicaId, name, batch?.mutations);
    return {
      ...head,
      upTo: this.#revision,
      ...(verdicts ? { verdicts } : { refused: 'void' as const }),
    };
  }

  /** The first to arrive stands: the batch or its voiding. */
  #settle(
    replicaId: string,
    { number, nonce }: BatchName,
    mutations: Batch['mutations'] | undefined,
  ): Verdict[] | undefined {
    const last = this.#ledger.get(replicaId);
    if (last?.number === number && last.nonce === nonce) return last.verdicts;
    if (!mutations) this.voided += 1;
    const verdicts = mutations?.map(({ collection, id, firstSeq, lastSeq, ...edit }): Verdict => {
      const effect = `${replicaId} ${collection}/${id} ${firstSeq}..${lastSeq}`;
      this.effects.set(effect, (this.effects.get(effect) ?? 0) + 1);
      const changed: Record<string, Json> = { ...this.records.get(id), ...edit.set };
      for (const [field, change] of Object.entries(edit.elements ?? {}))
        changed[field] = withElements(changed[field], change) ?? [];
      this.records.set(id, { ...changed, id });
      return { verdict: 'applied', collection, id, revision: ++this.#revision };
    });
    this.#ledger.set(replicaId, { number, nonce, ...(verdicts ? { verdicts } : {}) });
    return verdicts;
  }
}
