import type { WakeReason } from '../shared/history.ts';
import { CallLanes } from './calls/lanes.ts';
import type { Pipeline } from './pipeline.ts';
import { WAIT_MAX_MS } from './replay/backoff.ts';
import { ExchangeLoop } from './replay/exchange-loop.ts';
import { SingleFlight } from './replay/single-flight.ts';
import { mendStore } from './settle/mend.ts';
import type { Replica } from './state/replica.ts';
import { isStorageError } from './store/store-errors.ts';
import type { WakeUps } from './wake/wake-ups.ts';
import type { Engine } from './replay/engine.ts';

const RETRY_AFTER_THROW_MS = 10_000;
/**
 * A slice starts no exchange after this; the one under way takes up to 40 s more (its two time
 * limits), so a slice ends within 60 s, whether Airflow answers or not. Where Airflow answers some
 * requests but not the batch, the exchange asks twice more: up to 80 s.
 */
const SLICE_MS_MAX = 20_000;
/** No slice starts after this: the browser gives a sync event three minutes. */
const EVENT_MS_MAX = 80_000;
/**
 * Waits before further tries of a sync event that came while the browser still said “offline”: the
 * browser fires in the network's first milliseconds, its own next try comes minutes later, and
 * offline no timer is set.
 */
const NETWORK_SETTLES_MS = [1_000, 2_000, 4_000, 8_000];
/** Events with an end. A page's message has a page behind it, which asks again. */
const IN_SLICES: readonly WakeReason[] = ['sync-event', 'periodic-sync'];

/** When and how long the pipeline runs: locks, slices, timers, and the call lanes beside it. */
export class Drain {
  readonly #engine: Engine;
  readonly #wakeUps: WakeUps;
  readonly #exchanges: ExchangeLoop;
  readonly #drains: SingleFlight<WakeReason>;
  readonly #calls: CallLanes;
  /** Calls tried once more because Airflow has answered a batch. */
  #callsAfterRecovery: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;
  /** Resolves when the drain that is running is over, whatever became of it. */
  #draining: Promise<void> | undefined;
  #isCutShort = false;
  /** Set while work is left that may not be tried, the browser being as it was then. */
  #held: { readonly online: boolean } | undefined;
  /** The server store's head as last heard of. */
  #head: { readonly epoch: string; readonly revision: number } | undefined;

  constructor(engine: Engine, wakeUps: WakeUps, pipeline: Pipeline) {
    this.#engine = engine;
    this.#wakeUps = wakeUps;
    this.#exchanges = new ExchangeLoop(engine, pipeline);
    this.#calls = new CallLanes(engine, () => wakeUps.reconcile());
    this.#drains = new SingleFlight((reasons) =>
      engine.world.locks.exclusive(`drain:${engine.world.user}`, () => this.#drain(reasons)),
    );
  }

  /**
   * Replays the work that is due and pulls news. Resolves when nothing more can be done now;
   * `status` says what the replica waits for.
   */
  async run(reason: WakeReason): Promise<void> {
    if (this.#isClosed) return;
    await Promise.all([this.#drains.run(reason), this.#calls.drain(reason)]);
    await this.#callsAfterRecovery;
  }

  /**
   * Drains for a new capture, unless that would change nothing: older work was left that might not
   * be tried, and the end of its wait, a sign-in, or the network's return starts a drain by itself.
   */
  async afterCapture(): Promise<void> {
    if (this.#held?.online === this.#engine.world.isOnline()) return;
    await this.run('capture');
  }

  /**
   * Drains inside an event that the browser ends after minutes: slice after slice, so that the lock
   * is free between them, until nothing more can be done now or the time is over. Resolves to
   * whether work is left: the event must then fail, so that the browser comes back to it.
   */
  async inSlices(reason: 'sync-event' | 'periodic-sync'): Promise<boolean> {
    const { clock, isOnline } = this.#engine.world;
    const endsAt = clock.now() + EVENT_MS_MAX;
    const waits = reason === 'sync-event' ? [...NETWORK_SETTLES_MS] : [];
    for (;;) {
      const wasOnline = isOnline();
      await this.run(reason);
      const isWorkLeft = await this.isWorkLeft();
      if (!isWorkLeft) return false;
      if (this.#isCutShort && clock.now() < endsAt) continue;
      const wait = wasOnline ? undefined : waits.shift();
      if (wait === undefined) break;
      await new Promise<void>((resolve) => clock.after(wait, resolve));
    }
    if (reason === 'sync-event') await this.#wakeUps.syncEndedWithWorkLeft();
    return true;
  }

  /**
   * Pulls the news that a page has heard of, unless an exchange of our own has brought them since.
   */
  async news(head: { readonly epoch: string; readonly revision: number }): Promise<void> {
    this.#head = head;
    // Each exchange of a running drain asks for news; afterwards it shows whether any are left.
    while (this.#draining) await this.#draining;
    if (this.#isNews(await this.#engine.desk.replica())) await this.run('news');
  }

  #isNews = ({ epoch, since }: Replica): boolean =>
    this.#head !== undefined && (this.#head.epoch !== epoch || this.#head.revision > since);

  /** Resumes the work that waited for Airflow: another lane's probe was answered. */
  airflowIsBack = (): void => {
    if (!this.#draining) this.#inTheBackground('airflow-back');
    else
      this.#callsAfterRecovery = this.#logged(
        this.#calls.drain('airflow-back'),
        'Calls could not be sent.',
      );
  };

  /** Stops for good: the replica is wiped, or another engine has taken its place. */
  close(): void {
    this.#isClosed = true;
    this.#calls.close();
    this.#cancelTimer?.();
  }

  /**
   * Whether the browser should wake the worker again: deliveries or calls are not in Airflow yet.
   */
  async isWorkLeft(): Promise<boolean> {
    return this.#engine.world.store.read(
      async (tx) => (await tx.deliveries()).length > 0 || (await tx.calls.counts()).unsent > 0,
    );
  }

  async #drain(reasons: readonly WakeReason[]): Promise<void> {
    this.#cancelTimer?.();
    this.#held = undefined;
    let over = (): void => undefined;
    this.#draining = new Promise((resolve) => (over = resolve));
    const { store } = this.#engine.world;
    try {
      await mendStore(this.#engine);
      await store.during(async () => {
        await this.#wakeUps.reconcile();
        await this.#exchangeUntilTheEnd(reasons);
        await this.#wakeUps.reconcile();
        await this.#scheduleNext();
      });
      this.#engine.desk.reporter.clearStorageTrouble();
    } catch (error) {
      // Broken storage: nothing is known but that work may be left.
      if (this.#isClosed) return;
      this.#wakeIn(RETRY_AFTER_THROW_MS);
      if (isStorageError(error))
        await this.#engine.desk.reporter.tellStorageTrouble(
          this.#engine.world.clock.now() + RETRY_AFTER_THROW_MS,
        );
      throw error;
    } finally {
      this.#draining = undefined;
      over();
      this.#engine.desk.reporter.setActivity('idle');
    }
    await store.during(() => this.#engine.desk.reporter.tellStatus());
  }

  async #exchangeUntilTheEnd(reasons: readonly WakeReason[]): Promise<void> {
    const isSlice = reasons.every((reason) => IN_SLICES.includes(reason));
    const endsAt = isSlice
      ? this.#engine.world.clock.now() + SLICE_MS_MAX
      : Number.POSITIVE_INFINITY;
    const [woken] = reasons;
    if (woken !== undefined) this.#wakeUps.wokenBy(woken);
    const online = this.#engine.world.isOnline();
    const ended = await this.#exchanges.run({ reasons, isNews: this.#isNews, endsAt });
    this.#isCutShort = ended === 'cut-short';
    if (ended === 'held' && (await this.isWorkLeft())) this.#held = { online };
  }

  /**
   * Sets the timer of a worker that lives on. A stopped worker is woken by the browser or a page,
   * and offline by the `online` event.
   */
  async #scheduleNext(): Promise<void> {
    const { backoff, auth } = await this.#engine.desk.replica();
    const kept = (await this.isWorkLeft()) ? this.#engine.circuit.dueAt() : undefined;
    if (backoff?.until === undefined && kept === undefined) return;
    if (auth.required || !this.#engine.world.isOnline()) return;
    const wait = Math.max(backoff?.until ?? 0, kept ?? 0) - this.#engine.world.clock.now();
    // A longer wait than any that is ever set: the clock has jumped.
    this.#wakeIn(wait > WAIT_MAX_MS ? RETRY_AFTER_THROW_MS : Math.max(0, wait));
  }

  #wakeIn(delayMs: number): void {
    this.#cancelTimer = this.#engine.world.clock.after(delayMs, () =>
      this.#inTheBackground('timer'),
    );
  }

  #inTheBackground(reason: WakeReason): void {
    void this.#logged(this.run(reason), 'A drain failed.');
  }

  /**
   * Logs the failure of work that nobody waits for; not even a logger that fails leaves a
   * rejection.
   */
  #logged(work: Promise<void>, message: string): Promise<void> {
    return work
      .catch((error: unknown) => this.#engine.world.logger.error(message, error))
      .catch(() => undefined);
  }
}
