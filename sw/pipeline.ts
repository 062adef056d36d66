import { UpdraftError } from '../shared/errors.ts';
import type { Captured } from '../shared/messages.ts';
import type { Status } from '../shared/status.ts';
import { captureGroup, type CaptureJob } from './capture/capture-group.ts';
import { GroupCommit } from './capture/group-commit.ts';
import { batchLane } from './outbox/open-delivery.ts';
import { nextDelivery } from './outbox/seal-delivery.ts';
import { mayTry, wantsToPull, type WakeReason } from './replay/backoff.ts';
import { reconcileQueue } from './replay/reconcile-queue.ts';
import { replay } from './replay/replay.ts';
import { SingleFlight } from './replay/single-flight.ts';
import { afterEffect, type Exchanged } from './settle/after-effect.ts';
import type { Desk } from './desk.ts';
import type { Replica } from './store/replica.ts';
import type { World } from './world.ts';
import { planted } from '../shared/planted.ts';

/**
 * The whole product on one screen. A change goes capture → outbox → replay → settle; each arrow is one strict transaction,
 * none is open across a network call, and after a kill anywhere the next drain goes on from what the replica says.
 */
export class Pipeline {
  readonly #world: World;
  readonly #desk: Desk;
  readonly #captures: GroupCommit<CaptureJob, Captured | UpdraftError>;
  readonly #drains: SingleFlight<WakeReason>;
  #cancelTimer: (() => void) | undefined;

  constructor(world: World, desk: Desk) {
    this.#world = world;
    this.#desk = desk;
    this.#captures = new GroupCommit((jobs) => this.#capture(jobs));
    this.#drains = new SingleFlight((reasons) => world.locks.exclusive(`updraft:drain:${world.user}`, () => this.#drain(reasons)));
  }

  /** Stores a change durably and makes sure that something will wake the worker for it. Throws typed errors for bad input. */
  async capture(job: CaptureJob): Promise<Captured> {
    const writing = this.#captures.add(job);
    if (planted('acknowledge-before-commit')) return { id: '', seq: 0, settled: false };
    const captured = await writing;
    if (captured instanceof UpdraftError) throw captured;
    return captured;
  }

  /** Replays what is due and pulls what is new. Resolves when nothing more can be done now; `status` says what it waits for. */
  drain(reason: WakeReason): Promise<void> {
    return this.#drains.run(reason);
  }

  async #capture(jobs: readonly CaptureJob[]): Promise<readonly (Captured | UpdraftError)[]> {
    const { results, events, opened } = await captureGroup(this.#world, jobs);
    this.#desk.tell(events);
    if (opened) await this.wakeUpFor(opened.deliveryId);
    await this.#desk.tellStatus();
    return results;
  }

  /** A row in the Workbox queue and a sync registration, before the page is told: it may close at once. A failure costs nothing but this wake-up. */
  async wakeUpFor(deliveryId: string): Promise<void> {
    try {
      await this.#world.queue.push(deliveryId, batchLane(this.#world.user));
      await this.#world.queue.register();
    } catch (error) {
      this.#world.logger.error('The wake-up list could not be written; the next start mends it.', error);
    }
  }

  async #drain(reasons: readonly WakeReason[]): Promise<void> {
    this.#cancelTimer?.();
    await this.#reconcile();
    let wantsPull = wantsToPull(reasons, await this.#desk.replica(), this.#world.clock.now());
    let hasReached = false;
    for (let first = true; ; first = false) {
      const replica = await this.#desk.replica();
      const moment = { now: this.#world.clock.now(), online: this.#world.isOnline() || hasReached };
      const due = reasons.some((reason) => mayTry(replica, first ? reason : 'timer', moment));
      if (!due) break;
      const exchanged = await this.#exchangeNext(replica, wantsPull);
      if (exchanged === 'nothing-to-do') break;
      hasReached = exchanged !== 'failed';
      wantsPull = exchanged === 'more' || (wantsPull && exchanged === 'failed');
    }
    await this.#reconcile();
    this.#desk.now('idle');
    await this.#desk.tellStatus();
    await this.#scheduleNext();
  }

  /** One exchange: the delivery that is next, or a pull. */
  async #exchangeNext(replica: Replica, wantsPull: boolean): Promise<Exchanged | 'nothing-to-do'> {
    const { world, desk } = { world: this.#world, desk: this.#desk };
    const delivery = await desk.write(async (tx) => {
      const { delivery: next, events } = await nextDelivery(tx, replica, world.random.hex);
      return { result: next, events };
    });
    const mustPull = !replica.ready || replica.rereading;
    if (!delivery && !mustPull && !wantsPull) return 'nothing-to-do';
    desk.now(delivery ? 'sending' : 'pulling');
    await desk.tellStatus();
    const { effect, request, sent } = await replay(world, desk, replica, delivery);
    return afterEffect(world, desk, { effect, request, delivery: sent });
  }

  async #reconcile(): Promise<void> {
    const deliveries = await this.#world.store.read((tx) => tx.deliveries());
    await reconcileQueue(
      this.#world.queue,
      batchLane(this.#world.user),
      deliveries.map(({ deliveryId }) => deliveryId),
    ).catch((error: unknown) => this.#world.logger.error('The wake-up list could not be reconciled; the next start tries again.', error));
  }

  /** A worker that lives on tries again by itself; one that does not is woken by the browser or a page. */
  async #scheduleNext(): Promise<void> {
    const { backoff } = await this.#desk.replica();
    const until = backoff?.until;
    if (until === undefined) return;
    this.#cancelTimer = this.#world.clock.after(Math.max(0, until - this.#world.clock.now()), () => {
      this.drain('timer').catch((error: unknown) => this.#world.logger.error('A drain failed.', error));
    });
  }
}

/** Whether a status means that work is left for which the browser should wake the worker again. */
export const isWorkLeft = (status: Status): boolean => status.waiting !== undefined && status.waiting.for !== 'person';
