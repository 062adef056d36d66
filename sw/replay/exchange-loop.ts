import type { WakeReason } from '../../shared/history.ts';
import type { ExchangeResult, Permission, Pipeline, StartedExchange } from '../pipeline.ts';
import type { Replica } from '../state/replica.ts';
import { isPressing, mayTry, wantsToPull } from './backoff.ts';
import type { Engine } from './engine.ts';

/** Reasons and limits of one drain. */
export interface DrainOrder {
  readonly reasons: readonly WakeReason[];
  /** Whether the server store is known to have moved on. */
  readonly isNews: (replica: Replica) => boolean;
  /** No exchange starts at or after this time (ms since 1970). */
  readonly endsAt: number;
}

/** Makes exchange after exchange in the one lane of batches. */
export class ExchangeLoop {
  readonly #engine: Engine;
  readonly #pipeline: Pick<Pipeline, 'exchange'>;

  constructor(engine: Engine, pipeline: Pick<Pipeline, 'exchange'>) {
    this.#engine = engine;
    this.#pipeline = pipeline;
  }

  /**
   * Runs until nothing is left (`done`), nothing may be tried now (`held`), or the time is over.
   */
  async run({ reasons, isNews, endsAt }: DrainOrder): Promise<'done' | 'held' | 'cut-short'> {
    const { clock, store, isOnline } = this.#engine.world;
    const before = await store.read((tx) => tx.replica());
    let wantsPull = wantsToPull(reasons, before, clock.now()) || isNews(before);
    /** An exchange that started offline was answered: the browser is wrong about the network. */
    let hasReached = false;
    let started: StartedExchange | undefined;
    for (let first = true; ; first = false) {
      const now = clock.now();
      const online: boolean = isOnline() || hasReached;
      const reasonToSend = (replica: Replica): WakeReason | undefined =>
        reasons.find((reason) => mayTry(replica, first ? reason : 'timer', { now, online }));
      if (first && reasonToSend(before) === undefined) return 'held';
      if (!this.#engine.circuit.mayTry(first && reasons.some(isPressing)))
        return first ? 'held' : 'done';
      if (!started && now >= endsAt) return 'cut-short';
      this.#engine.circuit.begin();
      const { exchanged, next }: ExchangeResult = await this.#pipeline.exchange(
        started ?? { reasonToSend, online },
        wantsPull,
        () => this.#follow(reasons, endsAt),
      );
      if (exchanged === 'nothing-to-do') return 'done';
      started = next;
      // An exchange that started online tells nothing of now: the network may have gone since.
      hasReached = exchanged !== 'failed' && (hasReached || !online);
      wantsPull = exchanged === 'more' || (wantsPull && exchanged === 'failed');
    }
  }

  /** Permission of the exchange that starts where this one is settled; undefined: none may. */
  #follow(reasons: readonly WakeReason[], endsAt: number): Permission | undefined {
    const { clock, isOnline } = this.#engine.world;
    const now = clock.now();
    if (!isOnline() || now >= endsAt || this.#engine.circuit.state.kind !== 'closed')
      return undefined;
    const reasonToSend = (replica: Replica): WakeReason | undefined =>
      reasons.find(() => mayTry(replica, 'timer', { now, online: true }));
    return { reasonToSend, online: true };
  }
}
