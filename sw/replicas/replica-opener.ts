import type { Declarations } from '../../shared/collections.ts';
import { MESSAGES_VERSION } from '../../shared/protocol-version.ts';
import { hasOld, nameFor, takeOverLock, type Places } from '../mirror/take-over.ts';
import { openReplica, type OpenReplica } from '../open-replica.ts';
import { CircuitCell } from '../replay/circuit.ts';
import { nameOf } from '../store/names.ts';
import { ReplicaStore } from '../store/replica-store.ts';
import { registerPeriodicSync } from '../wake/periodic-sync.ts';
import type { World } from '../world.ts';
import { clock } from './browser.ts';
import type { WorkerParts } from './worker-parts.ts';
import { workerWorld } from './worker-world.ts';

declare const self: ServiceWorkerGlobalScope;

/** Opens the replicas of this app, each in a database and with a world of its own. */
export class ReplicaOpener {
  readonly #parts: WorkerParts;
  readonly #queue: World['queue'];
  readonly #places: Places;
  readonly #circuit = new CircuitCell();
  /**
   * Stores, by user, whose database another tab keeps from opening. The next attempt takes the
   * same store: a second request to open would wait in line behind the first, without an answer.
   */
  readonly #blocked = new Map<string, ReplicaStore>();

  constructor(parts: WorkerParts, queue: World['queue'], places: Places) {
    this.#parts = parts;
    this.#queue = queue;
    this.#places = places;
  }

  async open(user: string): Promise<OpenReplica> {
    void registerPeriodicSync(self.registration);
    const { app, source } = this.#parts;
    const declarations = await source.current();
    const blocked = this.#blocked.get(user);
    const open = async (name: string): Promise<OpenReplica> => {
      const store = blocked ?? this.#storeOf(user, declarations, name);
      const { world, credentials } = workerWorld(
        this.#parts,
        this.#queue,
        store,
        user,
        declarations,
      );
      const replica = await openReplica(world, credentials, this.#circuit);
      this.#blocked.delete(user);
      return replica;
    };
    // The first app to open a replica of the old name takes over; the lock keeps others out.
    if (!blocked && (await hasOld(user, this.#places)))
      return navigator.locks.request(takeOverLock(user), async () =>
        open(await nameFor(app, user, this.#places)),
      );
    return open(nameOf(app, user));
  }

  #storeOf(user: string, declarations: Declarations, name: string): ReplicaStore {
    const onBlocked = (): void => {
      this.#blocked.set(user, store);
      this.#parts.broadcast({ updraft: MESSAGES_VERSION, user, notice: 'storage-blocked' });
    };
    const store = new ReplicaStore(
      name,
      declarations,
      { indexedDB, IDBKeyRange },
      { now: clock.now, onBlocked },
    );
    return store;
  }
}
