import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import type { Declarations } from '../../shared/collections.ts';
import type { Choice, Conflict } from '../../shared/conflict.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { Broadcast, Captured, ChangeCommand, Command, LoggedEvent } from '../../shared/messages.ts';
import type { Row } from '../../shared/row.ts';
import { handleCommand } from '../handle-command.ts';
import type { WakeReason } from '../../shared/history.ts';
import type { WakeUpQueue, WakeUpRow } from '../replay/wake-up-queue.ts';
import { openReplica, type OpenReplica } from '../replica.ts';
import type { Mirror, MirrorContent } from '../store/mirror.ts';
import { ReplicaStore, type Store } from '../store/replica-store.ts';
import type { Credentials } from '../transport/credentials.ts';
import type { Transport } from '../transport/transport.ts';
import { NO_CALLS } from '../test-replica.ts';
import type { AirflowApi } from '../transport/airflow-api.ts';
import type { CallsWorld, World } from '../world.ts';

/** Thrown wherever a killed worker would have stopped: nothing of that incarnation runs on. */
export class Killed extends Error {}

/** Counts down to a kill: before a step is done, or after it was done and before anyone knows. */
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
  /** Made anew for each worker, with its credentials. */
  readonly transport: Transport | ((credentials: Credentials) => Transport);
  /** What the worker signs in with; whatever it is given is taken for good without. */
  readonly credentials?: (store: ReplicaStore) => Credentials;
  /** Seeded; hex and fraction are drawn from it. */
  readonly random: () => number;
  /** Queued Airflow operations; none without. */
  readonly calls?: CallsWorld;
}

/** A browser profile: its storage outlives its workers. */
export class SimulatedDevice {
  readonly #options: SimulatedDeviceOptions;
  #indexedDB: IDBFactory;
  /** The Workbox database: rows survive, and can be lost. */
  wakeUps: (WakeUpRow & { readonly lane: string })[] = [];
  /** Every mirror there was, the newest last. */
  mirrors: MirrorContent[] = [];
  /** A mirror of each write of thousands of rows takes minutes; resting, it is written once a worker. */
  doesMirrorRest = false;
  readonly events: LoggedEvent[] = [];
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

  /** The running worker; started if there is none. */
  async worker(): Promise<OpenReplica> {
    // One, however many pages ask at the same time.
    if (!this.#worker) {
      this.#starting ??= this.#start().finally(() => (this.#starting = undefined));
      this.#worker = await this.#starting;
    }
    return this.#worker.replica;
  }

  /** Lets the worker be killed after so many of its steps; `before`: the last one is not done. */
  async killIn(steps: number, before: boolean): Promise<void> {
    this.#worker = await this.#start(new KillSwitch(before));
    this.#worker.kill.stepsLeft = steps;
  }

  /** The worker stops, as browsers stop them: without a word. */
  stop(): void {
    if (this.#worker) this.#worker.kill.stepsLeft = 0;
    this.#worker = undefined;
  }

  /** The browser comes back with an empty database, and with a mirror that is so many writes behind. */
  loseDatabase(behind = 0): void {
    this.stop();
    this.#indexedDB = new IDBFactory();
    this.mirrors = this.mirrors.slice(0, Math.max(1, this.mirrors.length - behind));
  }

  /** The person, or the browser, clears all of the site's data, and ends its worker with it. */
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

  /** A page's request, sent again (to a new worker) when the worker was killed: as client/worker-link.ts does. */
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

  /** Numbered, too: of ten thousand draws two may be the same, and the second request would count as a repetition. */
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

  /** Drains; a kill on the way is no error here. Returns whether the drain came to its end. */
  async drain(reason: WakeReason = 'person'): Promise<boolean> {
    try {
      await (await this.worker()).pipeline.drain(reason);
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

  /** Deliveries that have no wake-up row: there must be none when a worker has come to rest. */
  async withoutWakeUp(): Promise<readonly string[]> {
    const deliveries = await (await this.worker()).world.store.read((tx) => tx.deliveries());
    return deliveries.map(({ deliveryId }) => deliveryId).filter((id) => !this.wakeUps.some((row) => row.deliveryId === id));
  }

  async #start(kill = new KillSwitch(true)): Promise<{ replica: OpenReplica; kill: KillSwitch }> {
    const { user, declarations, random, calls = NO_CALLS, transport: given, credentials: credentialsOf = () => TAKEN } = this.#options;
    const store = new ReplicaStore(user, declarations, { indexedDB: this.#indexedDB, IDBKeyRange });
    const credentials = credentialsOf(store);
    const transport = typeof given === 'function' ? given(credentials) : given;
    const world: World = {
      user,
      airflow: '/airflow',
      declarations,
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
      random: { hex: () => Array.from({ length: 20 }, () => Math.floor(random() * 16).toString(16)).join(''), fraction: random },
      locks: { exclusive: async (_name, body) => body() },
      logger: { error: rethrowKilled, info: () => undefined, debug: rethrowKilled },
      durability: async () => 'best-effort',
      isOnline: () => this.online,
      broadcast: (message: Broadcast) => void ('events' in message && this.events.push(...message.events)),
    };
    return { replica: await openReplica(world, credentials), kill };
  }

  /** In another storage than the database: it is lost alone, and may be older than the database was. */
  #mirror(): Mirror {
    const clears = this.#clears;
    return {
      read: async () => structuredClone(this.mirrors.at(-1)),
      // A worker that has ended writes no more.
      write: async (content) => void (clears === this.#clears && this.mirrors.push(structuredClone(content))),
      remove: async () => void (this.mirrors = []),
      pause: () => (this.doesMirrorRest ? new Promise(() => undefined) : Promise.resolve()),
    };
  }

  #queue(kill: KillSwitch): WakeUpQueue {
    let nextId = Math.max(0, ...this.wakeUps.map(({ id }) => id)) + 1;
    return {
      peek: (lane) => kill.step(async () => this.wakeUps.filter((row) => row.lane === lane)),
      push: (deliveryId, lane) => kill.step(async () => void this.wakeUps.push({ id: nextId++, deliveryId, lane })),
      remove: ({ id }) => kill.step(async () => void (this.wakeUps = this.wakeUps.filter((row) => row.id !== id))),
      register: async () => true,
    };
  }
}

const given = { headers: {}, credentials: 'omit' as const };
const TAKEN: Credentials = { authorize: async () => given, unchecked: async () => given, forget: async () => undefined, signIn: async () => undefined };

function killable(store: Store, kill: KillSwitch): Store {
  return {
    read: (body) => kill.step(() => store.read(body)),
    write: (body) => kill.step(() => store.write(body)),
    destroy: () => store.destroy(),
    during: (work) => store.during(work),
  };
}

/** A worker can be killed around each request, not only around each call. */
function killableApi(api: AirflowApi, kill: KillSwitch): AirflowApi {
  return {
    async open(kind) {
      const session = await kill.step(() => api.open(kind));
      return 'effect' in session ? session : { send: (request) => kill.step(() => session.send(request)) };
    },
  };
}

function rethrowKilled(message: string, detail?: unknown): void {
  // A mirror that is being written dies with its worker; nobody waits for it.
  if (detail instanceof Killed && !message.startsWith('The mirror')) throw detail;
}
