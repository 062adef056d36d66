import type { WakeReason } from '../../shared/history.ts';
import { isPressing, mayTry, WAIT_MAX_MS } from '../replay/backoff.ts';
import { SingleFlight } from '../replay/single-flight.ts';
import { isCallDue } from './after-call.ts';
import { isFollowed, type StoredCall } from '../state/call.ts';
import { followCall } from './follow-call.ts';
import { LanePool } from './lane-pool.ts';
import { refreshInputs, wantsInputs } from './pending-inputs.ts';
import { sendCall } from './send-call.ts';
import type { Engine } from '../replay/engine.ts';

/** With the single request of the batches at most four requests are under way. */
const IN_FLIGHT_MAX = 3;
/** Browser events with a time limit of three minutes; a request begun last may take a minute. */
const WITH_AN_END: readonly WakeReason[] = ['sync-event', 'periodic-sync'];
const EVENT_MS_MAX = 110_000;
const CLOCK_JUMPED_MS = 10_000;

/** The wake-up list's lane name for all calls of a user. */
export const callsWakeLane = (user: string): string => `calls:${user}`;

/**
 * Sends queued calls: in each lane the oldest call, a single call at a time. A waiting or held call
 * keeps its lane; an accepted or dead call lets the next call go. Accepted calls are looked at
 * until their runs end, beside the lanes.
 */
export class CallLanes {
  readonly #engine: Engine;
  readonly #pool = new LanePool(IN_FLIGHT_MAX);
  readonly #looks: SingleFlight<WakeReason>;
  readonly #mends: SingleFlight<null>;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;
  /**
   * True when calls were sent since the wake-up list was last reconciled. The drain of the batches
   * reconciles the list at every start.
   */
  #hasSent = false;
  /** Time of the last question for inputs, answered or not; ms since 1970. */
  #inputsAskedAt = 0;
  /** No request is begun after this time; ms since 1970. */
  #endsAt = Number.POSITIVE_INFINITY;

  /** `mendWakeUps` reconciles the wake-up list with the replica. */
  constructor(engine: Engine, mendWakeUps: () => Promise<void>) {
    this.#engine = engine;
    this.#looks = new SingleFlight((reasons) => this.#startDue(reasons));
    this.#mends = new SingleFlight(mendWakeUps);
  }

  /** Sends and looks at every call that is due. Resolves when nothing more can be done now. */
  async drain(reason: WakeReason): Promise<void> {
    if (this.#isClosed) return;
    await this.#looks.run(reason);
    await this.#pool.idle();
    if (this.#isClosed) return;
    if (this.#hasSent) await this.#mends.run(null);
    this.#hasSent = false;
    await this.#scheduleNext();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
  }

  async #startDue(reasons: readonly WakeReason[]): Promise<void> {
    const wake = await this.#wakeThatMayTry(reasons);
    if (wake === undefined) return;
    const pressing = reasons.some((reason) => isPressing(reason) && reason !== 'airflow-back');
    const now = this.#engine.world.clock.now();
    this.#endsAt = reasons.every((reason) => WITH_AN_END.includes(reason))
      ? now + EVENT_MS_MAX
      : Number.POSITIVE_INFINITY;
    const { heads, followed, inputs } = await this.#engine.world.store.read(async (tx) => ({
      heads: await tx.calls.heads(),
      followed: await tx.calls.followed(),
      inputs: await tx.calls.inputs(),
    }));
    for (const { lane, state } of heads)
      if (isCallDue(state, now, pressing))
        this.#pool.add(lane, () => this.#sendHead(lane, pressing, wake));
    for (const { id, state } of followed)
      if (isCallDue(state, now, pressing)) this.#pool.add(`follow:${id}`, () => this.#follow(id));
    if (
      wantsInputs(
        this.#engine.world.calls.allowed,
        Math.max(inputs?.seenAt ?? 0, this.#inputsAskedAt),
        reasons,
        now,
      )
    )
      this.#pool.add('inputs', () => this.#refreshInputs());
  }

  /**
   * Returns the first wake reason that allows an attempt, by the rules for batches but without the
   * batches' backoff, which does not concern calls.
   */
  async #wakeThatMayTry(reasons: readonly WakeReason[]): Promise<WakeReason | undefined> {
    const replica = await this.#engine.desk.replica();
    const moment = { now: this.#engine.world.clock.now(), online: this.#engine.world.isOnline() };
    return reasons.find((reason) => mayTry({ ...replica, backoff: null }, reason, moment));
  }

  /**
   * Runs `body` under a lock that a lane has once per user, also while an old and a new worker
   * live.
   */
  #exclusive(name: string, body: () => Promise<boolean>): Promise<boolean> {
    return this.#engine.world.locks.exclusive(
      `call:${this.#engine.world.user}:${name}`,
      async () => !this.#isClosed && (await body()),
    );
  }

  #sendHead(lane: string, pressing: boolean, wake: WakeReason): Promise<boolean> {
    return this.#exclusive(lane, async () => {
      const head = await this.#engine.world.store.read((tx) => tx.calls.head(lane));
      if (
        !head ||
        !isCallDue(head.state, this.#engine.world.clock.now(), pressing) ||
        !this.#begin(pressing)
      )
        return false;
      this.#hasSent = true;
      return this.#begun(sendCall(this.#engine, head, wake));
    });
  }

  #follow(id: string): Promise<boolean> {
    return this.#exclusive(id, async () => {
      const call = await this.#engine.world.store.read((tx) => tx.calls.get(id));
      if (
        !call ||
        (call.state.kind !== 'accepted' && call.state.kind !== 'following') ||
        !this.#begin(false)
      )
        return false;
      await this.#begun(followCall(this.#engine, call, call.state));
      return false;
    });
  }

  #refreshInputs(): Promise<boolean> {
    return this.#exclusive('inputs', async () => {
      this.#inputsAskedAt = this.#engine.world.clock.now();
      // A refresh of the list is not worth a probe of a server in trouble.
      if (this.#engine.circuit.state.kind === 'closed') await refreshInputs(this.#engine);
      return false;
    });
  }

  /**
   * Gives the circuit's probe back when the work throws: a storage failure says nothing about
   * Airflow, and the next probe must not wait for this attempt.
   */
  #begun<T>(work: Promise<T>): Promise<T> {
    return work.catch((error: unknown) => {
      this.#engine.circuit.giveUp();
      throw error;
    });
  }

  /**
   * Whether a request may begin; marks the request as begun. Nothing is awaited between check and
   * mark, so that a server in trouble gets a single probe.
   */
  #begin(pressing: boolean): boolean {
    if (this.#engine.world.clock.now() >= this.#endsAt || !this.#engine.circuit.mayTry(pressing))
      return false;
    this.#engine.circuit.begin();
    return true;
  }

  /** Sets a timer for the next due call, for as long as the worker lives. */
  async #scheduleNext(): Promise<void> {
    this.#cancelTimer?.();
    const { clock, store, logger } = this.#engine.world;
    const waiting = await store.read(async (tx) => [
      ...(await tx.calls.heads()),
      ...(await tx.calls.followed()),
    ]);
    if (waiting.length === 0 || (await this.#wakeThatMayTry(['timer'])) === undefined) return;
    const due = Math.max(Math.min(...waiting.map(dueAt)), this.#engine.circuit.dueAt() ?? 0);
    const wait = Math.max(0, due - clock.now());
    this.#cancelTimer = clock.after(wait > WAIT_MAX_MS ? CLOCK_JUMPED_MS : wait, () => {
      this.drain('timer').catch((error: unknown) =>
        logger.error('Calls could not be sent.', error),
      );
    });
  }
}

/** When the call is sent or looked at without a wake-up, in ms since 1970. */
function dueAt({ state }: StoredCall): number {
  if (isFollowed(state) && 'lookAt' in state) return state.lookAt;
  return 'retryAt' in state ? state.retryAt : 0;
}
