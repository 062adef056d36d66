import type { HistoryFact } from '../shared/history.ts';
import type { LoggedEvent, UpdraftEvent } from '../shared/messages.ts';
import { MESSAGES_VERSION } from '../shared/protocol-version.ts';
import type { Durability, Status, Wake } from '../shared/status.ts';
import { mend, needsMending } from './settle/mend.ts';
import { standingOf, statusOf, type Activity, type Now, type Standing, type Trouble } from './status.ts';
import type { ReplicaTx } from './store/replica-tx.ts';
import type { Replica } from './store/replica.ts';
import type { World } from './world.ts';

/** Where a replica's state is read, changed and told: every change of records or status leaves through here. */
export class Desk {
  readonly #world: World;
  #activity: Activity = 'idle';
  /** Not stored: a worker that starts anew finds out for itself. */
  wake: Wake | undefined;
  #durability: Durability = 'best-effort';
  #trouble: Trouble | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /** The replica's row; made on first use of this user's database. */
  async replica(): Promise<Replica> {
    return await this.#world.store.read((tx) => tx.replica());
  }

  /** One strict transaction; the events it returns are logged in it and told after it. */
  async write<T>(body: (tx: ReplicaTx) => Promise<{ result: T; events: readonly UpdraftEvent[] }>): Promise<T> {
    const { result, logged, log } = await this.#world.store.write(async (tx) => {
      const done = await body(tx);
      const [logged, { logId }] = await Promise.all([tx.logEvents(done.events), tx.replica()]);
      return { result: done.result, logged, log: logId };
    });
    this.tell(logged, log);
    return result;
  }

  /** Changes the replica's row. */
  async update(change: (replica: Replica) => Replica, events: readonly UpdraftEvent[] = []): Promise<void> {
    await this.write(async (tx) => {
      await tx.putReplica(change(await tx.replica()));
      return { result: undefined, events };
    });
  }

  /** Changes the replica's row and says so in the log, in one transaction. */
  async recordChange(change: (replica: Replica) => Replica, facts: readonly HistoryFact[]): Promise<void> {
    await this.#world.store.write(async (tx) => {
      await tx.putReplica(change(await tx.replica()));
      await tx.appendHistory(this.#world.clock.now(), facts);
    });
  }

  /** What was let go for want of room is read again, from the start; nothing waits for it. */
  async readAgainWhereLetGo(): Promise<void> {
    if (await this.#world.store.read((tx) => tx.isWhole())) return;
    await this.#world.store.write(async (tx) => {
      await tx.putReplica({ ...(await tx.replica()), since: 0, floor: 0 });
      await tx.markWhole();
    });
  }

  /** Says once what was lost or found wrong in the database, after the page that opened it has its answer; mends what no engine writes (`settle/mend.ts`). */
  async mend(): Promise<void> {
    if (!(await this.#world.store.read(needsMending))) return;
    const { declarations, clock, random } = this.#world;
    const deps = { declarations, now: clock.now(), randomHex: random.hex };
    await this.write(async (tx) => ({ result: undefined, events: await mend(tx, deps) }));
  }

  tell(events: readonly LoggedEvent[], log: string): void {
    if (events.length > 0) this.#world.broadcast({ updraft: MESSAGES_VERSION, user: this.#world.user, log, events });
  }

  now(activity: Activity): void {
    this.#activity = activity;
  }

  /** Asks the browser anew: a person may have answered meanwhile. */
  async learnDurability(): Promise<void> {
    this.#durability = await this.#world.durability();
  }

  /** A drain has ended well. */
  storageWorks(): void {
    this.#trouble = undefined;
  }

  /** The storage has failed a drain, which is tried again at `until` (ms since 1970). Where not even the status can be read, each request's error says so. */
  async tellTrouble(until: number): Promise<void> {
    this.#trouble = { failures: (this.#trouble?.failures ?? 0) + 1, until };
    this.#activity = 'idle';
    await this.showStatus();
  }

  status(): Promise<Status> {
    return this.#world.store.read(async (tx) => statusOf(tx, await tx.replica(), this.#now()));
  }

  /** How the device stands when it begins an exchange. */
  standing(tx: ReplicaTx, replica: Replica): Promise<Standing> {
    return standingOf(tx, replica, this.#now());
  }

  #now(): Now {
    return { activity: this.#activity, online: this.#world.isOnline(), wake: this.wake, durability: this.#durability, trouble: this.#trouble };
  }

  /** The same for what is stored already: it has not failed because the status cannot be read now. */
  async showStatus(): Promise<void> {
    await this.tellStatus().catch((error: unknown) => this.#world.logger.debug('The status could not be read.', error));
  }

  async tellStatus(): Promise<Status> {
    const status = await this.status();
    this.#world.broadcast({ updraft: MESSAGES_VERSION, user: this.#world.user, status });
    return status;
  }
}
