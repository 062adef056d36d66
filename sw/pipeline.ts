import { UpdraftError } from '../shared/errors.ts';
import type { Captured } from '../shared/messages.ts';
import { callsWakeLane, CallLanes } from './calls/lanes.ts';
import { captureGroup, type CaptureJob } from './capture/capture-group.ts';
import { GroupCommit } from './capture/group-commit.ts';
import { batchLane } from './outbox/open-delivery.ts';
import type { WakeReason } from '../shared/history.ts';
import { WAIT_MAX_MS } from './replay/backoff.ts';
import type { Circuit } from './replay/circuit.ts';
import { SingleFlight } from './replay/single-flight.ts';
import type { Replica } from './store/replica.ts';
import { isStorageError } from './store/store-errors.ts';
import type { Desk } from './desk.ts';
import { Exchanges } from './exchanges.ts';
import { WakeUps } from './wake-ups.ts';
import type { World } from './world.ts';

const RETRY_AFTER_THROW_MS = 10_000;
/** A slice begins no exchange after this; the one under way takes up to 40 s more (its two time limits), so a slice ends within 60 s. */
const SLICE_MS_MAX = 20_000;
/** No slice is begun after this: the browser gives a sync event three minutes. */
const EVENT_MS_MAX = 110_000;
/** Events with an end. A page's message has a page behind it, which asks again. */
const IN_SLICES: readonly WakeReason[] = ['sync-event', 'periodic-sync'];

/**
 * The whole product on one screen. A change goes capture → outbox → replay → settle; each arrow is one strict transaction,
 * none is open across a network call, and after a kill anywhere the next drain goes on from what the replica says.
 */
export class Pipeline {
  readonly #world: World;
  readonly #desk: Desk;
  readonly #circuit: Circuit;
  readonly #exchanges: Exchanges;
  readonly #wakeUps: WakeUps;
  readonly #captures: GroupCommit<CaptureJob, Captured | UpdraftError>;
  readonly #drains: SingleFlight<WakeReason>;
  /** Beside the batches, each lane for itself. */
  readonly #calls: CallLanes;
  /** Once more, because Airflow has answered a batch. */
  #callsAgain: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;
  /** Resolves when the drain that is running is over, whatever became of it. */
  #draining: Promise<void> | undefined;
  #isCutShort = false;
  /** The store's head as last heard of. */
  #head: { readonly epoch: string; readonly revision: number } | undefined;

  constructor(world: World, desk: Desk, circuit: Circuit) {
    this.#world = world;
    this.#desk = desk;
    this.#circuit = circuit;
    this.#wakeUps = new WakeUps(world, desk);
    this.#exchanges = new Exchanges(world, desk, circuit);
    this.#calls = new CallLanes(world, desk, circuit, () => this.#wakeUps.reconcile());
    this.#captures = new GroupCommit((jobs) => this.#capture(jobs));
    this.#drains = new SingleFlight((reasons) => world.locks.exclusive(`updraft:drain:${world.user}`, () => this.#drain(reasons)));
  }

  /** Stores a change durably and makes sure that something will wake the worker for it. Throws typed errors for bad input. */
  async capture(job: CaptureJob): Promise<Captured> {
    const writing = this.#captures.add(job);
    if (__UPDRAFT_PLANTED_BUG__ === 'acknowledge-before-commit') return { id: '', seq: 0, log: '', settled: false };
    const captured = await writing;
    if (captured instanceof UpdraftError) throw captured;
    return captured;
  }

  /** Replays what is due and pulls what is new. Resolves when nothing more can be done now; `status` says what it waits for. */
  async drain(reason: WakeReason): Promise<void> {
    if (this.#isClosed) return;
    await Promise.all([this.#drains.run(reason), this.#calls.drain(reason)]);
    await this.#callsAgain;
  }

  /**
   * The same inside an event that the browser ends after minutes: slice after slice, so that the lock is free between them, until nothing more can be
   * done now or the time is over. Resolves to whether work is left: the event must then fail, so that the browser comes back to it.
   */
  async drainInSlices(reason: 'sync-event' | 'periodic-sync'): Promise<boolean> {
    const { clock } = this.#world;
    const endsAt = clock.now() + EVENT_MS_MAX;
    do await this.drain(reason);
    while (this.#isCutShort && clock.now() < endsAt);
    const isWorkLeft = await this.isWorkLeft();
    if (isWorkLeft && reason === 'sync-event') await this.#wakeUps.syncEndedWithWorkLeft();
    return isWorkLeft;
  }

  /** The store has moved on, as the page has heard. What an own exchange has brought by the time it is asked is no news. */
  async news(head: { readonly epoch: string; readonly revision: number }): Promise<void> {
    this.#head = head;
    // Each of its exchanges asks what is new; whether something is left is seen afterwards.
    while (this.#draining) await this.#draining;
    if (this.#isNews(await this.#desk.replica())) await this.drain('news');
  }

  #isNews = ({ epoch, since }: Replica): boolean => this.#head !== undefined && (this.#head.epoch !== epoch || this.#head.revision > since);

  /** Another lane's probe was answered: what waited for Airflow goes on. */
  airflowIsBack = (): void => {
    if (!this.#draining) this.#drainInTheBackground('airflow-back');
    else this.#callsAgain = this.#logged(this.#calls.drain('airflow-back'), 'Calls could not be sent.');
  };

  /** The replica is wiped: nothing is tried any more. */
  close(): void {
    this.#isClosed = true;
    this.#calls.close();
    this.#cancelTimer?.();
  }

  async #capture(jobs: readonly CaptureJob[]): Promise<readonly (Captured | UpdraftError)[]> {
    const { results, events, log, opened } = await captureGroup(this.#world, jobs);
    this.#desk.tell(events, log);
    if (opened) await this.wakeUpFor(opened.deliveryId);
    await this.#desk.showStatus();
    return results;
  }

  /** A row in the Workbox queue and a sync registration, before the page is told: it may close at once. A failure costs nothing but this wake-up. */
  async wakeUpFor(deliveryId: string, lane = batchLane(this.#world.user)): Promise<void> {
    const { queue, logger } = this.#world;
    await queue.push(deliveryId, lane).catch((error: unknown) => logger.error('The wake-up list could not be written; the next start mends it.', error));
    await this.#wakeUps.register(true);
  }

  /** The same for a queued Airflow call. */
  async wakeUpForCall(id: string): Promise<void> {
    await this.wakeUpFor(id, callsWakeLane(this.#world.user));
  }

  /** Whether the browser should wake the worker again: deliveries or calls are not in Airflow yet. */
  async isWorkLeft(): Promise<boolean> {
    return this.#world.store.read(async (tx) => (await tx.deliveries()).length > 0 || (await tx.calls.counts()).unsent > 0);
  }

  async #drain(reasons: readonly WakeReason[]): Promise<void> {
    this.#cancelTimer?.();
    let over = (): void => undefined;
    this.#draining = new Promise((resolve) => (over = resolve));
    const { store } = this.#world;
    try {
      await this.#desk.mend();
      await store.during(async () => {
        await this.#wakeUps.reconcile();
        await this.#exchangeUntilTheEnd(reasons);
        await this.#wakeUps.reconcile();
        await this.#scheduleNext();
      });
      this.#desk.storageWorks();
    } catch (error) {
      // Broken storage: nothing is known but that work may be left.
      if (this.#isClosed) return;
      this.#wakeIn(RETRY_AFTER_THROW_MS);
      if (isStorageError(error)) await this.#desk.tellTrouble(this.#world.clock.now() + RETRY_AFTER_THROW_MS);
      throw error;
    } finally {
      this.#draining = undefined;
      over();
      this.#desk.now('idle');
    }
    await store.during(() => this.#desk.tellStatus());
  }

  async #exchangeUntilTheEnd(reasons: readonly WakeReason[]): Promise<void> {
    const isSlice = reasons.every((reason) => IN_SLICES.includes(reason));
    const endsAt = isSlice ? this.#world.clock.now() + SLICE_MS_MAX : Number.POSITIVE_INFINITY;
    const [woken] = reasons;
    if (woken !== undefined) this.#wakeUps.wokenBy(woken);
    this.#isCutShort = (await this.#exchanges.run({ reasons, isNews: this.#isNews, endsAt })) === 'cut-short';
  }

  /** A worker that lives on tries again by itself; one that does not is woken by the browser or a page. Offline the `online` event does it. */
  async #scheduleNext(): Promise<void> {
    const { backoff, auth } = await this.#desk.replica();
    const kept = (await this.isWorkLeft()) ? this.#circuit.dueAt() : undefined;
    if ((backoff?.until === undefined && kept === undefined) || auth.required || !this.#world.isOnline()) return;
    const wait = Math.max(backoff?.until ?? 0, kept ?? 0) - this.#world.clock.now();
    // A longer wait than any that is ever set: the clock has jumped.
    this.#wakeIn(wait > WAIT_MAX_MS ? RETRY_AFTER_THROW_MS : Math.max(0, wait));
  }

  #wakeIn(delayMs: number): void {
    this.#cancelTimer = this.#world.clock.after(delayMs, () => this.#drainInTheBackground('timer'));
  }

  #drainInTheBackground(reason: WakeReason): void {
    void this.#logged(this.drain(reason), 'A drain failed.');
  }

  /** For work that nobody waits for: not even a logger that fails may leave a rejection that nobody hears. */
  #logged(work: Promise<void>, message: string): Promise<void> {
    return work.catch((error: unknown) => this.#world.logger.error(message, error)).catch(() => undefined);
  }
}
