import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import type { Declarations } from '../../shared/collections.ts';
import type { Choice, Conflict } from '../../shared/conflict.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type {
  Broadcast,
  Captured,
  ChangeCommand,
  Command,
  LoggedEvent,
} from '../../shared/messages.ts';
import type { MutationLetterName, Row } from '../../shared/row.ts';
import { handleCommand } from '../commands/handle-command.ts';
import { Resolvers, type ResolverByCollection } from '../declarations/resolvers.ts';
import type { WakeReason } from '../../shared/history.ts';
import type { WakeUpQueue, WakeUpRow } from '../wake/wake-up-queue.ts';
import { openReplica, type OpenReplica } from '../open-replica.ts';
import type { Mirror, MirrorContent } from '../mirror/mirror.ts';
import { ReplicaStore, type Store } from '../store/replica-store.ts';
import type { Credentials } from '../transport/credentials.ts';
import type { Transport } from '../transport/transport.ts';
import { NO_CALLS } from '../testing/test-replica.ts';
import type { AirflowApi } from '../calls/airflow-session.ts';
import type { CallsWorld, World } from '../world.ts';

/** Thrown wherever a killed worker would have stopped: nothing of that incarnation runs on. */
export class Killed extends Error {}

/**
 * Counts down to a kill: before a step is done, or after the step is done and before anyone knows.
 */
export class KillSwitch {
  stepsLeft = Number.POSITIVE_INFINITY;
  readonly before: boolean;
  constructor(before: boolean) {
    this.before = before;
  }
  async step<T>(body: () => Promise<T>): Promise<T> {
    if (this.stepsLeft <= 0) throw new Killed('already stopped');
    const dies = --this.stepsLeft <= 0;
    if (dies && this.before) throw new Killed('stopped before a step');
    const result = await body();
    if (dies) throw new Killed('stopped after a step');
    return result;
  }
}

export interface SimulatedDeviceOptions {
  readonly user: string;
  readonly declarations: Declarations;
  /** Made anew for each worker, credentials included. */
  readonly transport: Transport | ((credentials: Credentials) => Transport);
  /** The sign-in of the worker; without a function, any given credentials count as good. */
  readonly credentials?: (store: ReplicaStore) => Credentials;
  /** Seeded; hex and fraction are drawn from the seed. */
  readonly random: () => number;
  /** Queued Airflow operations; without this option none are allowed. */
  readonly calls?: CallsWorld;
  /** The app's resolvers of conflicts; without this option a person decides each. */
  readonly resolvers?: ResolverByCollection;
}

/** A browser profile: the storage outlives the workers. */
export class SimulatedDevice {
  readonly #options: SimulatedDeviceOptions;
  #indexedDB: IDBFactory;
  /** The Workbox database: rows survive, and can be lost. */
  wakeUps: (WakeUpRow & { readonly lane: string })[] = [];
  /** Every mirror there was, the newest last. */
  mirrors: MirrorContent[] = [];
  /**
   * At rest, a mirror is written once a worker: a mirror of each write of thousands of rows takes
   * minutes.
   */
  doesMirrorRest = false;
  readonly events: LoggedEvent[] = [];
  /** Words about resolvers that failed. */
  readonly complaints: string[] = [];
  now = Date.parse('2026-01-01T00:00:00Z');
  online = true;
  #clears = 0;
  #requests = 0;
  #worker: { replica: OpenReplica; kill: KillSwitch } | undefined;
  #starting: Promise<{ replica: OpenReplica; kill: KillSwitch }> | undefined;

  constructor(options: SimulatedDeviceOptions, indexedDB = new IDBFactory()) {
    this.#options = options;
    this.#indexedDB = indexedDB;
  }

  get indexedDB(): IDBFactory {
    return this.#indexedDB;
  }

  /** Returns the running worker; starts a worker if none is running. */
  async worker(): Promise<OpenReplica> {
    // Starts a single worker, however many pages ask at the same time.
    if (!this.#worker) {
      this.#starting ??= this.#start().finally(() => (this.#starting = undefined));
      this.#worker = await this.#starting;
    }
    return this.#worker.replica;
  }

  /** Lets the worker be killed after this many steps; `before`: the last step is not done. */
  async killIn(steps: number, before: boolean): Promise<void> {
    this.#worker = await this.#start(new KillSwitch(before));
    this.#worker.kill.stepsLeft = steps;
  }

  /** Stops the worker as browsers do: without notice. */
  stop(): void {
    if (this.#worker) this.#worker.kill.stepsLeft = 0;
    this.#worker = undefined;
  }

  /**
   * The browser comes back with an empty database, and a mirror that is this many writes behind.
   */
  loseDatabase(behind = 0): void {
    this.stop();
    this.#indexedDB = new IDBFactory();
    this.mirrors = this.mirrors.slice(0, Math.max(1, this.mirrors.length - behind));
  }

  /** The person, or the browser, clears the site's data; the worker ends at the same time. */
  clearSiteData(): void {
    this.stop();
    this.#clears += 1;
    this.mirrors = [];
    this.wakeUps = [];
    this.#indexedDB = new IDBFactory();
  }

  async signIn(): Promise<void> {
    await this.ask({ type: 'sign-in', credentials: { kind: 'memory', token: 'token' } });
  }

  /**
   * Sends a page's request, again (to a new worker) when the worker was killed, as
   * client/worker-link.ts does.
   */
  async ask(command: Command): Promise<unknown> {
    for (;;) {
      try {
        return (await handleCommand(await this.worker(), command)).result;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        this.stop();
      }
    }
  }

  /**
   * Numbered, too: among ten thousand draws two may be equal, and the second request would count as
   * a repetition.
   */
  #newRequest(): string {
    return `q${++this.#requests} ${this.#options.random()}`;
  }

  async capture(collection: string, change: ChangeCommand): Promise<Captured | UpdraftError> {
    const requestId = this.#newRequest();
    try {
      return (await this.ask({ type: 'capture', requestId, collection, change })) as Captured;
    } catch (error) {
      if (error instanceof UpdraftError) return error;
      throw error;
    }
  }

  /**
   * Drains; a kill during the drain is no error here. Returns whether the drain came to its end.
   */
  async drain(reason: WakeReason = 'person'): Promise<boolean> {
    try {
      await (await this.worker()).drain.run(reason);
      return true;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      this.stop();
      return false;
    }
  }

  async rows(collection: string): Promise<readonly Row[]> {
    return (await this.ask({ type: 'query', collection, query: {} })) as readonly Row[];
  }
  async conflicts(): Promise<readonly Conflict[]> {
    return (await this.ask({ type: 'conflicts' })) as readonly Conflict[];
  }
  async resolve(conflict: Conflict, choice: Choice & { take: 'mine' | 'theirs' }): Promise<void> {
    const fields = conflict.fields === '*' ? ['*'] : conflict.fields.map(({ field }) => field);
    await this.ask({
      type: 'resolve',
      requestId: this.#newRequest(),
      conflictId: conflict.id,
      theirsRevision: conflict.theirsRevision,
      choices: Object.fromEntries(fields.map((field) => [field, choice])),
    });
  }

  async retry({ kind, collection, id }: MutationLetterName): Promise<void> {
    await this.ask({
      type: 'retry',
      requestId: this.#newRequest(),
      letter: { kind, collection, id },
    });
  }

  /**
   * Returns the deliveries without a wake-up row: there must be none after a worker has come to
   * rest.
   */
  async withoutWakeUp(): Promise<readonly string[]> {
    const deliveries = await (await this.worker()).world.store.read((tx) => tx.deliveries());
    return deliveries
      .map(({ deliveryId }) => deliveryId)
      .filter((id) => !this.wakeUps.some((row) => row.deliveryId === id));
  }

  async #start(kill = new KillSwitch(true)): Promise<{ replica: OpenReplica; kill: KillSwitch }> {
    const {
      user,
      declarations,
      random,
      calls = NO_CALLS,
      transport: given,
      credentials: credentialsOf = () => TAKEN,
      resolvers = {},
    } = this.#options;
    const store = new ReplicaStore(`updraft:${user}`, declarations, {
      indexedDB: this.#indexedDB,
      IDBKeyRange,
    });
    const credentials = credentialsOf(store);
    const transport = typeof given === 'function' ? given(credentials) : given;
    const world: World = {
      user,
      app: '/',
      airflow: '/airflow',
      declarations,
      resolvers: new Resolvers(resolvers, (words) => this.complaints.push(words)),
      store: killable(store, kill),
      mirror: this.#mirror(),
      queue: this.#queue(kill),
      transport: {
        carriesPrivate: true,
        exchange: (job, kind) => kill.step(() => transport.exchange(job, kind)),
        ...(transport.forget ? { forget: transport.forget } : {}),
      },
      calls: { ...calls, api: killableApi(calls.api, kill) },
      clock: { now: () => this.now, after: () => () => undefined },
      random: {
        hex: () =>
          Array.from({ length: 20 }, () => Math.floor(random() * 16).toString(16)).join(''),
        fraction: random,
      },
      locks: { exclusive: async (_name, body) => body() },
      logger: { error: rethrowKilled, info: () => undefined, debug: rethrowKilled },
      durability: async () => 'best-effort',
      isOnline: () => this.online,
      broadcast: (message: Broadcast) =>
        void ('events' in message && this.events.push(...message.events)),
    };
    return { replica: await openReplica(world, credentials), kill };
  }

  /** Kept apart from the database: either can be lost alone, and the mirror may be older. */
  #mirror(): Mirror {
    const clears = this.#clears;
    return {
      read: async () => structuredClone(this.mirrors.at(-1)),
      // A worker that has ended writes no more.
      write: async (content) =>
        void (clears === this.#clears && this.mirrors.push(structuredClone(content))),
      remove: async () => void (this.mirrors = []),
      pause: () => (this.doesMirrorRest ? new Promise(() => undefined) : Promise.resolve()),
    };
  }

  #queue(kill: KillSwitch): WakeUpQueue {
    let nextId = Math.max(0, ...this.wakeUps.map(({ id }) => id)) + 1;
    return {
      peek: (lane) => kill.step(async () => this.wakeUps.filter((row) => row.lane === lane)),
      push: (deliveryId, lane) =>
        kill.step(async () => void this.wakeUps.push({ id: nextId++, deliveryId, lane })),
      remove: ({ id }) =>
        kill.step(async () => void (this.wakeUps = this.wakeUps.filter((row) => row.id !== id))),
      register: async () => true,
    };
  }
}

const given = { headers: {}, credentials: 'omit' as const };
const TAKEN: Credentials = {
  authorize: async () => given,
  unchecked: async () => given,
  forget: async () => undefined,
  signIn: async () => undefined,
};

function killable(store: Store, kill: KillSwitch): Store {
  return {
    read: (body) => kill.step(() => store.read(body)),
    write: (body) => kill.step(() => store.write(body)),
    destroy: () => store.destroy(),
    declare: (declared) => store.declare(declared),
    during: (work) => store.during(work),
  };
}

/** A worker can be killed around each request, not only around each call. */
function killableApi(api: AirflowApi, kill: KillSwitch): AirflowApi {
  return {
    async open(kind) {
      const session = await kill.step(() => api.open(kind));
      return 'kind' in session
        ? session
        : { send: (request) => kill.step(() => session.send(request)) };
    },
  };
}

function rethrowKilled(message: string, detail?: unknown): void {
  // A mirror that is being written dies with its worker; nobody waits for the write.
  if (detail instanceof Killed && !message.startsWith('The mirror')) throw detail;
}
