import type { HistoryFact } from '../../shared/history.ts';
import type { LoggedEvent, UpdraftEvent } from '../../shared/messages.ts';
import { MESSAGES_VERSION } from '../../shared/protocol-version.ts';
import { StatusReporter } from './status-reporter.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../state/replica.ts';
import type { World } from '../world.ts';

/** The replica's transactions: every change of records is stored, logged and told here. */
export class Desk {
  readonly #world: World;
  readonly reporter: StatusReporter;

  constructor(world: World) {
    this.#world = world;
    this.reporter = new StatusReporter(world);
  }

  /** Returns the replica's row. */
  async replica(): Promise<Replica> {
    return await this.#world.store.read((tx) => tx.replica());
  }

  /** Runs one strict transaction, logs the returned events inside, and tells pages afterwards. */
  async write<T>(
    body: (tx: ReplicaTx) => Promise<{ result: T; events: readonly UpdraftEvent[] }>,
  ): Promise<T> {
    const { result, logged, log } = await this.#world.store.write(async (tx) => {
      const done = await body(tx);
      const [logged, { logId }] = await Promise.all([tx.logEvents(done.events), tx.replica()]);
      return { result: done.result, logged, log: logId };
    });
    this.tell(logged, log);
    return result;
  }

  /** Changes the replica's row. */
  async update(
    change: (replica: Replica) => Replica,
    events: readonly UpdraftEvent[] = [],
  ): Promise<void> {
    await this.write(async (tx) => {
      await tx.putReplica(change(await tx.replica()));
      return { result: undefined, events };
    });
  }

  /** Changes the replica's row and writes the history, in one transaction. */
  async recordChange(
    change: (replica: Replica) => Replica,
    facts: readonly HistoryFact[],
  ): Promise<void> {
    await this.#world.store.write(async (tx) => {
      await tx.putReplica(change(await tx.replica()));
      await tx.appendHistory(this.#world.clock.now(), facts);
    });
  }

  /** Starts a re-read where records were evicted; nothing waits for its end. */
  async rereadEvicted(): Promise<void> {
    if (await this.#world.store.read((tx) => tx.isWhole())) return;
    await this.#world.store.write(async (tx) => {
      await tx.putReplica({ ...(await tx.replica()), since: 0, floor: 0 });
      await tx.markWhole();
    });
  }

  tell(events: readonly LoggedEvent[], log: string): void {
    if (events.length > 0)
      this.#world.broadcast({ updraft: MESSAGES_VERSION, user: this.#world.user, log, events });
  }
}
