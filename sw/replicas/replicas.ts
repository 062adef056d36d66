import { hasMirror, usersOf, type Places } from '../mirror/take-over.ts';
import type { OpenReplica } from '../open-replica.ts';
import { EmptiedError } from '../store/replica-tx.ts';
import { batchPath } from '../transport/batch-target.ts';
import { createWorkboxQueue } from '../wake/workbox-queue.ts';
import { ReplicaOpener } from './replica-opener.ts';
import type { WorkerParts } from './worker-parts.ts';

declare const self: ServiceWorkerGlobalScope;

/** The replicas of this app in this browser profile: at most one a user, opened on first use. */
export class Replicas {
  readonly #parts: WorkerParts;
  readonly #places: Places = { indexedDB, caches };
  readonly #opener: ReplicaOpener;
  readonly #open = new Map<string, Promise<OpenReplica>>();

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    const { options, source } = parts;
    source.listen({
      changed: (declarations) => this.#eachOpen((replica) => replica.declare(declarations)),
      troubled: () => void this.#eachOpen(({ desk }) => desk.reporter.tellStatusIfPossible()),
    });
    const queue = createWorkboxQueue(self, options.airflow + batchPath(options.transport), () =>
      this.drainAll('sync-event'),
    );
    this.#opener = new ReplicaOpener(parts, queue, this.#places);
  }

  /**
   * Works with the user's replica. Where the browser has emptied the open database, the replica is
   * opened anew, restored from its mirror, and the work is done once more.
   */
  async use<T>(user: string, work: (replica: OpenReplica) => Promise<T>): Promise<T> {
    const open = this.#open.get(user) ?? this.#keep(user, this.#opener.open(user));
    const replica = await open;
    try {
      return await work(replica);
    } catch (error) {
      if (!(error instanceof EmptiedError)) throw error;
      const reopened = async (): Promise<OpenReplica> => {
        await replica.close();
        return this.#opener.open(user);
      };
      // Only the first of several callers opens anew; the others find the new replica in the map.
      if (this.#open.get(user) === open) void this.#keep(user, reopened());
      return work(await (this.#open.get(user) ?? this.#keep(user, this.#opener.open(user))));
    }
  }

  /** Drops the replica from memory: the user has signed out. */
  drop(user: string): void {
    this.#open.delete(user);
  }

  /**
   * Drains every user's replica; a drain that fails does not stop the others. Rejects while work is
   * left, so that the browser wakes the worker again.
   */
  async drainAll(reason: 'sync-event' | 'periodic-sync'): Promise<void> {
    const drains = await Promise.allSettled(
      (await usersOf(this.#parts.app, this.#places)).map((user) => this.#drain(user, reason)),
    );
    for (const drain of drains)
      if (drain.status === 'rejected') this.#parts.logger.error('A drain failed.', drain.reason);
    if (drains.some((drain) => drain.status === 'rejected' || drain.value))
      throw new Error('Updraft has work left; the browser should try again later.');
  }

  /** Resolves to whether work is left. */
  #drain(user: string, reason: 'sync-event' | 'periodic-sync'): Promise<boolean> {
    return this.use(user, async ({ drain }) => {
      try {
        return await drain.inSlices(reason);
      } catch (error) {
        // Without a mirror nothing can be restored: the user has signed out meanwhile, or the
        // site's data is cleared. Only a page's request makes a new replica.
        if (
          error instanceof EmptiedError &&
          !(await hasMirror(this.#parts.app, user, this.#places))
        )
          return false;
        throw error;
      }
    });
  }

  #keep(user: string, open: Promise<OpenReplica>): Promise<OpenReplica> {
    this.#open.set(user, open);
    open.catch(() => this.#open.delete(user));
    return open;
  }

  async #eachOpen(work: (replica: OpenReplica) => Promise<void>): Promise<void> {
    const results = await Promise.allSettled(
      [...this.#open.values()].map(async (open) => work(await open)),
    );
    for (const result of results)
      if (result.status === 'rejected')
        this.#parts.logger.error(
          'A replica could not take over newer declarations.',
          result.reason,
        );
  }
}
