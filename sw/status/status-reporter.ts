import { MESSAGES_VERSION } from '../../shared/protocol-version.ts';
import type { Durability, Status, Wake } from '../../shared/status.ts';
import type { Replica } from '../state/replica.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { World } from '../world.ts';
import {
  deviceStateOf,
  statusOf,
  type Activity,
  type DeviceState,
  type StorageTrouble,
  type WorkerState,
} from './status.ts';

export const STATUS_DELAY_MS = 50;
/** A status waits this often for captures that follow each other: at most 0.3 s in all. */
const DELAYS_MAX = 6;

/** Counts the reporters of this worker. The count makes their names unique. */
let created = 0;

/** Tells the status: computed from the replica store and the running worker's own state. */
export class StatusReporter {
  readonly #world: World;
  #activity: Activity = 'idle';
  /** Not stored: each new worker learns its own. */
  wake: Wake | undefined;
  #durability: Durability = 'best-effort';
  #trouble: StorageTrouble | undefined;
  readonly #name: string;
  #statuses = 0;
  #isToTell = false;
  /** Counts the calls of `tellStatusSoon`. */
  #changes = 0;
  #cancel: (() => void) | undefined;

  constructor(world: World) {
    this.#world = world;
    this.#name = `${world.clock.now()}-${++created}`;
  }

  setActivity(activity: Activity): void {
    this.#activity = activity;
  }

  /** Asks the browser again: a person may have granted persistence meanwhile. */
  async learnDurability(): Promise<void> {
    this.#durability = await this.#world.durability();
  }

  /** Clears the storage trouble: a drain has ended well. */
  clearStorageTrouble(): void {
    this.#trouble = undefined;
  }

  /**
   * Tells that the storage has failed a drain; the next attempt is at `until` (ms since 1970).
   * Where the status cannot be read either, each request's own error reports the failure.
   */
  async tellStorageTrouble(until: number): Promise<void> {
    this.#trouble = { failures: (this.#trouble?.failures ?? 0) + 1, until };
    this.#activity = 'idle';
    await this.tellStatusIfPossible();
  }

  status(): Promise<Status> {
    return this.#world.store.read(async (tx) =>
      statusOf(tx, await tx.replica(), this.#workerState()),
    );
  }

  /** Returns the device's state at the start of an exchange. */
  deviceState(tx: ReplicaTx, replica: Replica): Promise<DeviceState> {
    return deviceStateOf(tx, replica, this.#workerState());
  }

  async tellStatus(): Promise<Status> {
    const status = await this.status();
    this.#world.broadcast({ updraft: MESSAGES_VERSION, user: this.#world.user, status });
    return status;
  }

  /** Like tellStatus(), but never throws: the caller's write is already durable. */
  async tellStatusIfPossible(): Promise<void> {
    await this.tellStatus().catch((error: unknown) =>
      this.#world.logger.debug('The status could not be read.', error),
    );
  }

  /** Tells nothing further by itself: a wiped database would be made anew. */
  close(): void {
    this.#cancel?.();
  }

  /**
   * Tells the status a moment after the caller's reply: captures that follow each other share a
   * status, and do not wait for its reads.
   */
  tellStatusSoon(): void {
    this.#changes++;
    if (this.#isToTell) return;
    this.#isToTell = true;
    this.#tellAfter(DELAYS_MAX);
  }

  #tellAfter(delays: number): void {
    const seen = this.#changes;
    this.#cancel = this.#world.clock.after(STATUS_DELAY_MS, () => {
      if (delays > 1 && this.#changes > seen) return this.#tellAfter(delays - 1);
      this.#isToTell = false;
      // Nobody waits here: the handler only stops an unhandled rejection of a killed worker.
      this.tellStatusIfPossible().catch(() => undefined);
    });
  }

  #workerState(): WorkerState {
    return {
      activity: this.#activity,
      online: this.#world.isOnline(),
      wake: this.wake,
      durability: this.#durability,
      trouble: this.#trouble,
      declarations: this.#world.declarationsProblem?.(),
      order: { worker: this.#name, number: ++this.#statuses },
    };
  }
}
