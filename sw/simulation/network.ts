import * as v from 'valibot';
import { ExchangeResponseSchema, type ExchangeRequest } from '../../shared/exchange.ts';
import type { Effect, ExchangeJob, Transport } from '../transport/transport.ts';
import type { SimulatedStore } from './store-server.ts';

/** What happens to one exchange on its way. */
export type NetworkFault = 'none' | 'request-lost' | 'response-lost' | 'duplicated' | 'delayed' | 'stale-answer';

/** The way to the store, with faults. It keeps what it has seen, so that old requests can arrive late and old answers come back. */
export class SimulatedNetwork {
  readonly #store: SimulatedStore;
  readonly #user: string;
  readonly #delayed: ExchangeRequest[] = [];
  #lastAnswer: unknown;
  fault: NetworkFault = 'none';
  /** Called when an exchange has come to its end on the way, whatever became of it. */
  onEnd: () => void = () => undefined;

  constructor(store: SimulatedStore, user: string) {
    this.#store = store;
    this.#user = user;
  }

  readonly transport: Transport = { carriesPrivate: true, exchange: (job) => this.#exchange(job).finally(() => this.onEnd()) };

  /** Delayed requests arrive now; nobody hears the answers. */
  async deliverDelayed(): Promise<void> {
    for (const request of this.#delayed.splice(0)) await this.#store.exchange(this.#user, request);
  }

  async #exchange(job: ExchangeJob): Promise<Effect> {
    const { fault } = this;
    this.fault = 'none';
    const failed: Effect = { effect: 'retry', for: 'network' };
    if (fault === 'request-lost') return failed;
    if (fault === 'delayed') {
      this.#delayed.push(job.request);
      return failed;
    }
    const stale = this.#lastAnswer;
    const answer = await this.#store.exchange(this.#user, job.request);
    if (fault === 'duplicated') await this.#store.exchange(this.#user, job.request);
    this.#lastAnswer = answer;
    if (fault === 'response-lost') return failed;
    await job.onAccepted('run');
    return {
      effect: 'settle',
      response: v.parse(ExchangeResponseSchema, fault === 'stale-answer' && stale !== undefined ? stale : answer),
      via: 'dag',
      run: 'run',
    };
  }
}
