import * as v from 'valibot';
import { ExchangeResponseSchema, type ExchangeRequest } from '../../shared/exchange.ts';
import type { Effect, ExchangeJob, Transport } from '../transport/transport.ts';
import type { Mutation } from '../../shared/mutation.ts';
import { readBatch } from '../testing/test-server.ts';
import type { SimulatedStore } from './store-server.ts';

/** The fate of one exchange on the network. */
export type NetworkFault =
  | 'none'
  | 'request-lost'
  | 'response-lost'
  | 'duplicated'
  | 'delayed'
  | 'stale-answer';

/**
 * A middlebox that reads every batch and blocks each batch with such a mutation. `after`: the batch
 * reaches the store, and the answer is thrown away.
 */
export interface Middlebox {
  readonly refuses: (mutation: Mutation) => boolean;
  readonly when: 'before' | 'after';
}
const TURNED_AWAY: Effect = {
  kind: 'turned-away',
  reason: { kind: 'refused-on-the-way', message: 'status 403: blocked' },
  status: 403,
};

/**
 * The network to the store, with faults. Old requests and answers are kept, so that both can arrive
 * late.
 */
export class SimulatedNetwork {
  readonly #store: SimulatedStore;
  readonly #user: string;
  readonly #delayed: ExchangeRequest[] = [];
  #lastAnswer: unknown;
  fault: NetworkFault = 'none';
  /** Batches of several mutations that the device gave up as a whole. */
  halved = 0;
  #batchSize = 0;
  middlebox: Middlebox | undefined;
  /** Called when an exchange has ended on the network, with any result. */
  onEnd: () => void = () => undefined;

  constructor(store: SimulatedStore, user: string) {
    this.#store = store;
    this.#user = user;
  }

  readonly transport: Transport = {
    carriesPrivate: true,
    exchange: (job) => this.#exchange(job).finally(() => this.onEnd()),
  };

  /** Delayed requests arrive now; nobody receives the answers. */
  async deliverDelayed(): Promise<void> {
    for (const request of this.#delayed.splice(0)) await this.#store.exchange(this.#user, request);
  }

  #isRefused({ batch }: ExchangeRequest): boolean {
    const { middlebox } = this;
    return (
      batch !== undefined && middlebox !== undefined && readBatch(batch).some(middlebox.refuses)
    );
  }

  #countHalved({ batch, void: given }: ExchangeRequest): void {
    if (given && this.#batchSize > 1) this.halved += 1;
    this.#batchSize = batch === undefined ? 0 : readBatch(batch).length;
  }

  async #exchange(job: ExchangeJob): Promise<Effect> {
    const { fault } = this;
    this.fault = 'none';
    this.#countHalved(job.request);
    const failed: Effect = { kind: 'retry', for: 'network' };
    if (fault === 'request-lost') return failed;
    if (fault === 'delayed') {
      this.#delayed.push(job.request);
      return failed;
    }
    const isRefused = this.#isRefused(job.request);
    if (isRefused && this.middlebox?.when === 'before') return TURNED_AWAY;
    const stale = this.#lastAnswer;
    const answer = await this.#store.exchange(this.#user, job.request);
    if (fault === 'duplicated') await this.#store.exchange(this.#user, job.request);
    this.#lastAnswer = answer;
    if (isRefused) return TURNED_AWAY;
    if (fault === 'response-lost') return failed;
    await job.onAccepted('run');
    return {
      kind: 'settle',
      response: v.parse(
        ExchangeResponseSchema,
        fault === 'stale-answer' && stale !== undefined ? stale : answer,
      ),
      via: 'dag',
      run: 'run',
    };
  }
}
