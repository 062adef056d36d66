import type { WakeReason } from '../../shared/history.ts';
import { callsWakeLane } from '../calls/lanes.ts';
import { batchLane } from '../outbox/open-delivery.ts';
import { reconcileQueue } from './reconcile-queue.ts';
import type { Desk } from '../status/desk.ts';
import type { World } from '../world.ts';

/**
 * The ladder of wake-ups: the browser's sync event, its periodic sync event, an open page (online,
 * visible, a heartbeat, any message), a timer of the living worker. A rung that fails stops no
 * other rung; the status shows which rungs work.
 */
export class WakeUps {
  readonly #world: World;
  readonly #desk: Desk;

  constructor(world: World, desk: Desk) {
    this.#world = world;
    this.#desk = desk;
  }

  /**
   * Asks the browser to wake the worker. `isNew`: there is new work, which must not wait for a tag
   * in the browser's backoff.
   */
  async register(isNew: boolean): Promise<void> {
    try {
      const isStuck = isNew && ((await this.#desk.replica()).isSyncStuck ?? false);
      const isRegistered = await this.#world.queue.register(isStuck);
      if (isRegistered && isStuck)
        await this.#desk.update(({ isSyncStuck: _, ...replica }) => replica);
      this.#works(isRegistered ? 'sync' : 'page');
    } catch (error) {
      this.#works('page');
      this.#world.logger.error(
        'No sync could be registered; the next page wakes the worker.',
        error,
      );
    }
  }

  /**
   * Writes a row into the Workbox queue and registers a sync, before the page is answered: the page
   * may close at once. A failure costs this wake-up only.
   */
  async wakeFor(deliveryId: string, lane = batchLane(this.#world.user)): Promise<void> {
    const { queue, logger } = this.#world;
    await queue
      .push(deliveryId, lane)
      .catch((error: unknown) =>
        logger.error('The wake-up list could not be written; the next start mends it.', error),
      );
    await this.register(true);
  }

  /** Makes sure that something wakes the worker for a queued Airflow call. */
  async wakeForCall(id: string): Promise<void> {
    await this.wakeFor(id, callsWakeLane(this.#world.user));
  }

  /** Makes the wake-up list agree with the replica. */
  async reconcile(): Promise<void> {
    const { store, queue, logger, user, isOnline } = this.#world;
    const [batches, calls] = await store.read(
      async (tx) =>
        [
          (await tx.deliveries()).map(({ deliveryId }) => deliveryId),
          await tx.calls.unsentIds(),
        ] as const,
    );
    try {
      // While online a fresh tag would fire at once, and again with each attempt at a failing
      // server.
      await reconcileQueue(queue, batchLane(user), batches, () => this.register(!isOnline()));
      await reconcileQueue(queue, callsWakeLane(user), calls, () => this.register(!isOnline()));
    } catch (error) {
      logger.error('The wake-up list could not be reconciled; the next start tries again.', error);
    }
  }

  /**
   * Notes that a sync event ended with work left: the browser keeps its tag in a backoff of
   * minutes.
   */
  async syncEndedWithWorkLeft(): Promise<void> {
    await this.#desk.update((replica) => ({ ...replica, isSyncStuck: true }));
  }

  /** Notes the wake-up's reason, for the status. */
  wokenBy(last: WakeReason): void {
    this.#world.logger.debug('The worker looks for work.', { reason: last });
    this.#desk.reporter.wake = {
      ...this.#desk.reporter.wake,
      last,
      lastAt: this.#world.clock.now(),
    };
  }

  #works(by: 'sync' | 'page'): void {
    this.#desk.reporter.wake = { ...this.#desk.reporter.wake, by };
  }
}
