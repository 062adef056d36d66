import type { WakeReason } from '../shared/history.ts';
import { callsWakeLane } from './calls/lanes.ts';
import { batchLane } from './outbox/open-delivery.ts';
import { reconcileQueue } from './replay/reconcile-queue.ts';
import type { Desk } from './desk.ts';
import type { World } from './world.ts';

/**
 * The ladder: the browser's sync event, its periodic one, an open page (online, visible, a heartbeat, any message), a timer of the living worker.
 * A rung that fails costs nothing but itself; which ones work shows in the status.
 */
export class WakeUps {
  readonly #world: World;
  readonly #desk: Desk;

  constructor(world: World, desk: Desk) {
    this.#world = world;
    this.#desk = desk;
  }

  /** Asks the browser to wake the worker. `isNew`: something has come that a tag in the browser's backoff would keep waiting. */
  async register(isNew: boolean): Promise<void> {
    try {
      const isStuck = isNew && ((await this.#desk.replica()).isSyncStuck ?? false);
      const isRegistered = await this.#world.queue.register(isStuck);
      if (isRegistered && isStuck) await this.#desk.update(({ isSyncStuck: _, ...replica }) => replica);
      this.#works(isRegistered ? 'sync' : 'page');
    } catch (error) {
      this.#works('page');
      this.#world.logger.error('No sync could be registered; the next page wakes the worker.', error);
    }
  }

  /** Makes the wake-up list say what the replica says. */
  async reconcile(): Promise<void> {
    const { store, queue, logger, user, isOnline } = this.#world;
    const [batches, calls] = await store.read(async (tx) => [(await tx.deliveries()).map(({ deliveryId }) => deliveryId), await tx.calls.unsentIds()] as const);
    try {
      // Online a fresh tag would fire at once, and again with each look at a server in trouble.
      await reconcileQueue(queue, batchLane(user), batches, () => this.register(!isOnline()));
      await reconcileQueue(queue, callsWakeLane(user), calls, () => this.register(!isOnline()));
    } catch (error) {
      logger.error('The wake-up list could not be reconciled; the next start tries again.', error);
    }
  }

  /** A sync event ended with work left: the browser keeps its tag in a backoff of minutes. */
  async syncEndedWithWorkLeft(): Promise<void> {
    await this.#desk.update((replica) => ({ ...replica, isSyncStuck: true }));
  }

  /** What woke the worker, for the status. */
  wokenBy(last: WakeReason): void {
    this.#world.logger.debug('The worker looks for work.', { reason: last });
    this.#desk.wake = { ...this.#desk.wake, last, lastAt: this.#world.clock.now() };
  }

  #works(by: 'sync' | 'page'): void {
    this.#desk.wake = { ...this.#desk.wake, by };
  }
}
