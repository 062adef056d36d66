import type { WakeReason } from '../../shared/history.ts';
import type { Desk } from '../desk.ts';
import { isPressing, mayTry, WAIT_MAX_MS } from '../replay/backoff.ts';
import type { Circuit } from '../replay/circuit.ts';
import { SingleFlight } from '../replay/single-flight.ts';
import type { World } from '../world.ts';
import { isCallDue } from './after-call.ts';
import { isFollowed, type StoredCall } from './call.ts';
import { followCall } from './follow-call.ts';
import { LanePool } from './lane-pool.ts';
import { refreshInputs, wantsInputs } from './pending-inputs.ts';
import { sendCall } from './send-call.ts';

/** With the batches' one request at most four are under way. */
const IN_FLIGHT_MAX = 3;
/** The browser gives these events three minutes; what is begun last may take a minute. */
const WITH_AN_END: readonly WakeReason[] = ['sync-event', 'periodic-sync'];
const EVENT_MS_MAX = 110_000;
const CLOCK_JUMPED_MS = 10_000;

/** All calls of a user share a name in the wake-up list. */
export const callsWakeLane = (user: string): string => `calls:${user}`;

/**
 * Sends queued calls, lane by lane: the oldest of each, one at a time, in turn. A call that waits or is held keeps its lane, one that is accepted or dead
 * lets the next one go. What is accepted is looked at until it ends, beside the lanes.
 */
export class CallLanes {
  readonly #world: World;
  readonly #desk: Desk;
  readonly #circuit: Circuit;
  readonly #pool = new LanePool(IN_FLIGHT_MAX);
  readonly #looks: SingleFlight<WakeReason>;
  readonly #mends: SingleFlight<null>;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;
  /** Since the wake-up list was last mended; the drain of the batches mends it at every start. */
  #hasSent = false;
  /** ms since 1970, answered or not. */
  #inputsAskedAt = 0;
  /** ms since 1970: nothing is begun after it. */
  #endsAt = Number.POSITIVE_INFINITY;

  /** `mendWakeUps` makes the wake-up list say what the replica says. */
  constructor(world: World, desk: Desk, circuit: Circuit, mendWakeUps: () => Promise<void>) {
    this.#world = world;
    this.#desk = desk;
    this.#circuit = circuit;
    this.#looks = new SingleFlight((reasons) => this.#startDue(reasons));
    this.#mends = new SingleFlight(mendWakeUps);
  }

  /** Sends and looks at whatever is due. Resolves when nothing more can be done now. */
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
    const now = this.#world.clock.now();
    this.#endsAt = reasons.every((reason) => WITH_AN_END.includes(reason)) ? now + EVENT_MS_MAX : Number.POSITIVE_INFINITY;
    const { heads, followed, inputs } = await this.#world.store.read(async (tx) => ({
      heads: await tx.calls.heads(),
      followed: await tx.calls.followed(),
      inputs: await tx.calls.inputs(),
    }));
    for (const { lane, state } of heads) if (isCallDue(state, now, pressing)) this.#pool.add(lane, () => this.#sendHead(lane, pressing, wake));
    for (const { id, state } of followed) if (isCallDue(state, now, pressing)) this.#pool.add(`follow:${id}`, () => this.#follow(id));
    if (wantsInputs(this.#world.calls.allowed, Math.max(inputs?.seenAt ?? 0, this.#inputsAskedAt), reasons, now))
      this.#pool.add('inputs', () => this.#refreshInputs());
  }

  /** The first that may, as for batches, but for their backoff: it says nothing of calls. */
  async #wakeThatMayTry(reasons: readonly WakeReason[]): Promise<WakeReason | undefined> {
    const replica = await this.#desk.replica();
    const moment = { now: this.#world.clock.now(), online: this.#world.isOnline() };
    return reasons.find((reason) => mayTry({ ...replica, backoff: null }, reason, moment));
  }

  /** One worker, also while an old one and a new one live, has a lane's turn. */
  #exclusive(name: string, body: () => Promise<boolean>): Promise<boolean> {
    return this.#world.locks.exclusive(`updraft:call:${this.#world.user}:${name}`, async () => !this.#isClosed && (await body()));
  }

  #sendHead(lane: string, pressing: boolean, wake: WakeReason): Promise<boolean> {
    return this.#exclusive(lane, async () => {
      const head = await this.#world.store.read((tx) => tx.calls.head(lane));
      if (!head || !isCallDue(head.state, this.#world.clock.now(), pressing) || !this.#begin(pressing)) return false;
      this.#hasSent = true;
      return this.#begun(sendCall(this.#deps(), head, wake));
    });
  }

  #follow(id: string): Promise<boolean> {
    return this.#exclusive(id, async () => {
      const call = await this.#world.store.read((tx) => tx.calls.get(id));
      if (!call || (call.state.kind !== 'accepted' && call.state.kind !== 'following') || !this.#begin(false)) return false;
      await this.#begun(followCall(this.#deps(), call, call.state));
      return false;
    });
  }

  #refreshInputs(): Promise<boolean> {
    return this.#exclusive('inputs', async () => {
      this.#inputsAskedAt = this.#world.clock.now();
      // A list is not worth a probe of a server in trouble.
      if (this.#circuit.state.kind === 'closed') await refreshInputs(this.#deps());
      return false;
    });
  }

  #deps(): { world: World; desk: Desk; circuit: Circuit } {
    return { world: this.#world, desk: this.#desk, circuit: this.#circuit };
  }

  /** What the storage has failed says nothing of Airflow: whoever tries next must not wait for it. */
  #begun<T>(work: Promise<T>): Promise<T> {
    return work.catch((error: unknown) => {
      this.#circuit.giveUp();
      throw error;
    });
  }

  /** Nothing is awaited in between: a server in trouble gets one probe. */
  #begin(pressing: boolean): boolean {
    if (this.#world.clock.now() >= this.#endsAt || !this.#circuit.mayTry(pressing)) return false;
    this.#circuit.begin();
    return true;
  }

  /** A worker that lives on tries again by itself. */
  async #scheduleNext(): Promise<void> {
    this.#cancelTimer?.();
    const { clock, store, logger } = this.#world;
    const waiting = await store.read(async (tx) => [...(await tx.calls.heads()), ...(await tx.calls.followed())]);
    if (waiting.length === 0 || (await this.#wakeThatMayTry(['timer'])) === undefined) return;
    const due = Math.max(Math.min(...waiting.map(dueAt)), this.#circuit.dueAt() ?? 0);
    const wait = Math.max(0, due - clock.now());
    this.#cancelTimer = clock.after(wait > WAIT_MAX_MS ? CLOCK_JUMPED_MS : wait, () => {
      this.drain('timer').catch((error: unknown) => logger.error('Calls could not be sent.', error));
    });
  }
}

/** When it is tried or looked at by itself, in ms since 1970. */
function dueAt({ state }: StoredCall): number {
  if (isFollowed(state) && 'lookAt' in state) return state.lookAt;
  return 'retryAt' in state ? state.retryAt : 0;
}
