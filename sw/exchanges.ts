import type { WakeReason } from '../shared/history.ts';
import { TRANSPORT_LIMITS } from '../shared/limits.ts';
import type { Delivery } from './outbox/delivery.ts';
import { nextDelivery } from './outbox/seal-delivery.ts';
import { makingOf } from './outbox/open-delivery.ts';
import { prepareToSeal } from './outbox/seal.ts';
import { isPressing, mayTry, wantsToPull } from './replay/backoff.ts';
import { reportOf, type Circuit } from './replay/circuit.ts';
import { deviceReport } from './replay/device-report.ts';
import { replay } from './replay/replay.ts';
import { afterEffect, type Exchanged } from './settle/after-effect.ts';
import type { Replica } from './store/replica.ts';
import type { Desk } from './desk.ts';
import type { World } from './world.ts';

/** What a drain is for. */
interface Drain {
  readonly reasons: readonly WakeReason[];
  /** Whether the store is known to have moved on. */
  readonly isNews: (replica: Replica) => boolean;
  /** No exchange is begun at or after this time (ms since 1970). */
  readonly endsAt: number;
}

/** One exchange of a drain. */
interface Turn {
  /** Why it may be made; undefined: it may not, as the replica is now. */
  readonly wakeOf: (replica: Replica) => WakeReason | undefined;
  readonly wantsPull: boolean;
  readonly online: boolean;
}

const NOTHING = { delivery: undefined, events: [] } as const;

/** The one lane of batches: exchange after exchange, until nothing is left, nothing may be tried now, or the time is over. */
export class Exchanges {
  readonly #world: World;
  readonly #desk: Desk;
  readonly #circuit: Circuit;

  constructor(world: World, desk: Desk, circuit: Circuit) {
    this.#world = world;
    this.#desk = desk;
    this.#circuit = circuit;
  }

  async run({ reasons, isNews, endsAt }: Drain): Promise<'done' | 'cut-short'> {
    const before = await this.#desk.replica();
    let wantsPull = wantsToPull(reasons, before, this.#world.clock.now()) || isNews(before);
    /** An exchange that began offline was answered: the browser is wrong about the network. */
    let hasReached = false;
    for (let first = true; ; first = false) {
      const now = this.#world.clock.now();
      const online: boolean = this.#world.isOnline() || hasReached;
      const wakeOf = (replica: Replica): WakeReason | undefined => reasons.find((reason) => mayTry(replica, first ? reason : 'timer', { now, online }));
      if ((first && wakeOf(before) === undefined) || !this.#circuit.mayTry(first && reasons.some(isPressing))) return 'done';
      if (now >= endsAt) return 'cut-short';
      this.#circuit.begin();
      const exchanged = await this.#exchange({ wakeOf, wantsPull, online });
      if (exchanged === 'nothing-to-do') return 'done';
      // One that began online tells nothing of now: the network may have gone while it was under way.
      hasReached = exchanged !== 'failed' && (hasReached || !online);
      wantsPull = exchanged === 'more' || (wantsPull && exchanged === 'failed');
    }
  }

  /** One exchange: the delivery that is next, or a pull. Offline nothing is sealed; a pull finds out whether Airflow can be reached after all. */
  async #exchange({ wakeOf, wantsPull, online }: Turn): Promise<Exchanged | 'nothing-to-do'> {
    const world = this.#world;
    const desk = this.#desk;
    const { wake, replica, delivery, isProbe, standing } = await desk.write(async (tx) => {
      const [now] = await Promise.all([tx.replica(), tx.cursor()]);
      const woken = wakeOf(now);
      const next = woken === undefined ? NOTHING : await nextDelivery(tx, now, { ...makingOf(world), maySeal: online });
      const isOffline = !online && (await tx.hasSendable());
      return {
        result: { wake: woken, replica: now, delivery: next.delivery, isProbe: isOffline, standing: await desk.standing(tx, now) },
        events: next.events,
      };
    });
    const mustPull = !replica.ready || replica.rereading || isProbe;
    if (wake === undefined || (!delivery && !mustPull && !wantsPull)) {
      await this.#circuit.report({ told: 'unsent' });
      return 'nothing-to-do';
    }
    desk.now(delivery ? 'sending' : 'pulling');
    const device = deviceReport(standing, world.clock.now(), world.appVersion);
    const { effect, request, sent, fact } = await replay(world, desk, { replica, delivery, device, wake, meanwhile: () => this.#meanwhile(delivery) });
    world.logger.debug('An attempt has ended.', fact);
    await this.#circuit.report(reportOf(effect, world.isOnline()));
    return afterEffect(world, desk, {
      effect,
      request,
      delivery: sent,
      fact,
      signIns: replica.auth.signIns,
      required: replica.auth.required,
      dueAt: this.#circuit.dueAt(),
    });
  }

  /** Done while the answer is awaited. What fails here is met again where it matters. */
  async #meanwhile(delivery: Delivery | undefined): Promise<void> {
    await Promise.all([this.#desk.tellStatus(), this.#readAhead(delivery)]).catch((error: unknown) =>
      this.#world.logger.debug('The status could not be told, or the next changes read, during an exchange.', error),
    );
  }

  /** What will be sealed next, most likely, is read while the answer to the batch before is awaited. It is not sealed: the answer may change it. */
  async #readAhead(delivery: Delivery | undefined): Promise<void> {
    if (delivery?.batch === undefined) return;
    // One more than a batch holds: whether anything is left after it is then known, too.
    prepareToSeal(await this.#world.store.read((tx) => tx.sendable(TRANSPORT_LIMITS.plugin.batchMutationsMax + 1)));
  }
}
