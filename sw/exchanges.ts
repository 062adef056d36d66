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
import type { UpdraftEvent } from '../shared/messages.ts';
import { afterEffect, type BeginNext, type Ended } from './settle/after-effect.ts';
import type { Standing } from './status.ts';
import type { ReplicaTx } from './store/replica-tx.ts';
import { credentialsOf, type Replica } from './store/replica.ts';
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

/** When an exchange may begin. */
interface Turn {
  /** Why it may be made; undefined: it may not, as the replica is now. */
  readonly wakeOf: (replica: Replica) => WakeReason | undefined;
  readonly online: boolean;
}

/** An exchange that has begun: on disk its delivery, if it has one, is on its way. */
interface Begun {
  readonly wake: WakeReason | undefined;
  readonly replica: Replica;
  readonly delivery: Delivery | undefined;
  readonly isProbe: boolean;
  readonly standing: Standing;
}

type Turned = Ended<Begun> | { readonly exchanged: 'nothing-to-do'; readonly next?: Begun };

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
    let begun: Begun | undefined;
    for (let first = true; ; first = false) {
      const now = this.#world.clock.now();
      const online: boolean = this.#world.isOnline() || hasReached;
      const wakeOf = (replica: Replica): WakeReason | undefined => reasons.find((reason) => mayTry(replica, first ? reason : 'timer', { now, online }));
      if ((first && wakeOf(before) === undefined) || !this.#circuit.mayTry(first && reasons.some(isPressing))) return 'done';
      if (!begun && now >= endsAt) return 'cut-short';
      this.#circuit.begin();
      const { exchanged, next } = await this.#turn(begun, { wakeOf, online }, wantsPull, () => this.#beginNext(reasons, endsAt));
      if (exchanged === 'nothing-to-do') return 'done';
      begun = next;
      // One that began online tells nothing of now: the network may have gone while it was under way.
      hasReached = exchanged !== 'failed' && (hasReached || !online);
      wantsPull = exchanged === 'more' || (wantsPull && exchanged === 'failed');
    }
  }

  /** One exchange; the one before may have begun it. */
  async #turn(begun: Begun | undefined, turn: Turn, wantsPull: boolean, beginNext: () => BeginNext<Begun> | undefined): Promise<Turned> {
    try {
      const current =
        begun ??
        (await this.#desk.write(async (tx) => {
          const [replica] = await Promise.all([tx.replica(), tx.cursor()]);
          return this.#begin(tx, replica, turn);
        }));
      return await this.#exchange(current, wantsPull, beginNext);
    } catch (error) {
      // The storage has failed it: whoever tries next must not wait for a probe that is not out.
      this.#circuit.giveUp();
      throw error;
    }
  }

  /** The delivery that is next, if there is one, on its way. Offline nothing is sealed; a pull finds out whether Airflow can be reached after all. */
  async #begin(tx: ReplicaTx, replica: Replica, { wakeOf, online }: Turn): Promise<{ result: Begun; events: readonly UpdraftEvent[] }> {
    const wake = wakeOf(replica);
    const { delivery, events } = wake === undefined ? NOTHING : await nextDelivery(tx, replica, { ...makingOf(this.#world), maySeal: online });
    const isProbe = !online && (await tx.hasSendable());
    return { result: { wake, replica, delivery, isProbe, standing: await this.#desk.standing(tx, replica) }, events };
  }

  /**
   * Begins the next exchange where this one is settled, and in its transaction: the answer is there, so the next batch may be sealed, and it takes no time,
   * since the database is busy with the verdicts. Undefined where it may not follow at once.
   */
  #beginNext(reasons: readonly WakeReason[], endsAt: number): BeginNext<Begun> | undefined {
    const { clock, isOnline } = this.#world;
    const now = clock.now();
    if (!isOnline() || now >= endsAt || this.#circuit.state.kind !== 'closed') return undefined;
    const wakeOf = (replica: Replica): WakeReason | undefined => reasons.find(() => mayTry(replica, 'timer', { now, online: true }));
    return (tx, replica) => this.#begin(tx, replica, { wakeOf, online: true });
  }

  async #exchange({ wake, replica, delivery, isProbe, standing }: Begun, wantsPull: boolean, beginNext: () => BeginNext<Begun> | undefined): Promise<Turned> {
    const world = this.#world;
    const desk = this.#desk;
    const mustPull = !replica.ready || replica.rereading || isProbe;
    if (wake === undefined || (!delivery && !mustPull && !wantsPull)) {
      await this.#circuit.report({ told: 'unsent' });
      return { exchanged: 'nothing-to-do' };
    }
    desk.now(delivery ? 'sending' : 'pulling');
    const device = deviceReport(standing, world.clock.now(), world.appVersion);
    const { effect, request, sent, fact } = await replay(world, desk, { replica, delivery, device, wake, meanwhile: () => this.#meanwhile(delivery) });
    world.logger.debug('An attempt has ended.', fact);
    await this.#circuit.report(reportOf(effect, world.isOnline()));
    const attempt = {
      effect,
      request,
      delivery: sent,
      fact,
      signIns: replica.auth.signIns,
      signedInBy: credentialsOf(replica.auth),
      required: replica.auth.required,
      dueAt: this.#circuit.dueAt(),
    };
    return afterEffect(world, desk, attempt, beginNext());
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
