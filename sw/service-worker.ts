import * as v from 'valibot';
import { readCollections, type Declarations } from '../shared/collections.ts';
import { UpdraftError } from '../shared/errors.ts';
import { randomHex } from '../shared/ids.ts';
import type { TransportName } from '../shared/limits.ts';
import { BROADCAST_CHANNEL, CommandSchema, type Broadcast, RequestSchema, type Reply } from '../shared/messages.ts';
import { MESSAGES_VERSION } from '../shared/protocol-version.ts';
import type { Durability } from '../shared/status.ts';
import { createBrowserSurface, type SurfaceOptions } from './browser-surface.ts';
import type { CallsAllowed } from './calls/operations.ts';
import { handleCommand, type Handled } from './handle-command.ts';
import { createLogger } from './logger.ts';
import { Notices, type NoticeTexts } from './notices.ts';
import { CircuitCell } from './replay/circuit.ts';
import { openReplica, type OpenReplica } from './replica.ts';
import { registerPeriodicSync } from './replay/periodic-sync.ts';
import { createWorkboxQueue } from './replay/workbox-queue.ts';
import { usersWithReplica } from './store/database.ts';
import { createCacheMirror, usersWithMirror } from './store/cache-mirror.ts';
import { ReplicaStore } from './store/replica-store.ts';
import { EmptiedError } from './store/replica-tx.ts';
import { createAirflowApi } from './transport/airflow-api.ts';
import { batchPath } from './transport/batch-target.ts';
import { createCredentials } from './transport/credentials.ts';
import { createTransport } from './transport/create-transport.ts';
import { createHttp } from './transport/http.ts';
import type { SettledRuns } from './transport/transport.ts';
import { Traffic } from './transport/traffic.ts';
import { createTokenVault } from './transport/token-vault.ts';
import type { Clock, Random, World } from './world.ts';

declare const self: ServiceWorkerGlobalScope;

/** How the worker is set up. */
export interface UpdraftOptions {
  /** Path (same origin) or URL of the Airflow API server, without a trailing slash, for instance `/airflow`. */
  readonly airflow: string;
  /** The parsed `collections.json`, or a promise of it. */
  readonly collections: unknown;
  /**
   * How exchanges travel: `auto` (default) by the provider's plugin, and as DAG runs where Airflow has no plugin; or one of the two alone.
   * A collection with the rule `own` travels by the plugin only.
   */
  readonly transport?: 'auto' | TransportName;
  /**
   * What becomes of an exchange's DAG run once it is settled: `keep` (default), or `delete`, where the user may delete runs: conf and XCom, which others with
   * rights on the DAG can read, then last no longer than it takes to read the answer (Airflow's audit log keeps its copy of conf). Rows then name no run.
   */
  readonly settledRuns?: SettledRuns;
  /** The app's version, shown with each device on Airflow's page “Updraft”. */
  readonly appVersion?: string;
  /**
   * Tells the person while no page of the app is in view: conflicts, refused changes, a sign-in that is needed, all sent. Off by default. The page asks for the
   * permission (`Notification.requestPermission()`); `texts` are the app's own words.
   */
  readonly notifications?: boolean | (SurfaceOptions & { readonly texts?: Partial<NoticeTexts> });
  /**
   * The Airflow operations that pages may queue, each for the DAGs named or for all (`true`): `{ triggerDagRun: ['nightly_report'], respondToHumanInput: true }`.
   * None by default.
   */
  readonly calls?: CallsAllowed;
  /** `debug` also logs each step; nothing ever logs credentials or record contents. */
  readonly log?: 'error' | 'info' | 'debug';
}

/**
 * Starts Updraft in this service worker. Call it once, while the script is first evaluated: browsers ignore listeners
 * added later. It answers no `fetch`: Airflow's own pages under the same origin stay untouched.
 */
export function startUpdraft(options: UpdraftOptions): void {
  const replicas = new Replicas(options);
  self.addEventListener('message', (event) => {
    const port = event.ports[0];
    if (port && typeof event.data === 'object' && event.data !== null && 'updraft' in event.data) event.waitUntil(replicas.answer(event.data, port));
  });
  self.addEventListener('periodicsync', (event) => {
    (event as unknown as ExtendableEvent).waitUntil(replicas.drainAll('periodic-sync'));
  });
}

const clock: Clock = {
  now: () => Date.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
};
const random: Random = { hex: () => randomHex((bytes) => crypto.getRandomValues(bytes)), fraction: () => Math.random() };

function noticesOf({ notifications = false }: UpdraftOptions): Notices | undefined {
  if (notifications === false) return undefined;
  const { texts, ...surface } = notifications === true ? {} : notifications;
  return new Notices(createBrowserSurface(self, surface), texts);
}

/** The page asks the browser to keep its storage; here it is only looked at. */
async function browserDurability(): Promise<Durability> {
  return (await navigator.storage?.persisted?.()) ? 'persistent' : 'best-effort';
}

/** The replicas of this browser profile, one per user, opened when first needed. */
class Replicas {
  readonly #options: UpdraftOptions;
  readonly #open = new Map<string, Promise<OpenReplica>>();
  /** Stores that could not be opened yet because of another tab: a second request to open would wait in line behind the first, unheard. */
  readonly #blocked = new Map<string, ReplicaStore>();
  readonly #declarations: Promise<Declarations>;
  readonly #channel = new BroadcastChannel(BROADCAST_CHANNEL);
  readonly #queue: World['queue'];
  readonly #logger: World['logger'];
  readonly #circuit = new CircuitCell();
  readonly #notices: Notices | undefined;

  constructor(options: UpdraftOptions) {
    this.#options = options;
    this.#logger = createLogger(options.log ?? 'error');
    this.#declarations = Promise.resolve(options.collections).then(readCollections);
    this.#declarations.catch((error: unknown) => this.#logger.error('The collections could not be read; nothing can be captured.', error));
    this.#notices = noticesOf(options);
    this.#queue = createWorkboxQueue(self, options.airflow + batchPath(options.transport), () => this.drainAll('sync-event'));
  }

  /** Answers one message of a page on its port. What is not an Updraft message of this version gets a clear error. */
  async answer(data: unknown, port: MessagePort): Promise<void> {
    const reply = (message: Reply): void => port.postMessage(message);
    try {
      const request = v.safeParse(RequestSchema, data);
      if (!request.success) throw new UpdraftError('bad-message', 'The message is not an Updraft request.');
      if (request.output.updraft !== MESSAGES_VERSION) throw new UpdraftError('reload-needed', 'Page and worker are of different versions. Reload the page.');
      const command = v.safeParse(CommandSchema, request.output.command);
      if (!command.success)
        throw new UpdraftError('bad-message', `The request is not valid at "${v.getDotPath(command.issues[0]) ?? 'the top'}": ${command.issues[0].message}`);
      const { user } = request.output;
      const { result, afterwards } = await this.#withReplica<Handled>(user, (replica) => handleCommand(replica, command.output));
      if (command.output.type === 'sign-out' && command.output.unsent !== 'keep') this.#open.delete(user);
      reply({ updraft: MESSAGES_VERSION, ok: result });
      // The event is kept alive for the drain; the page has its answer already.
      await afterwards?.().catch((error: unknown) => this.#logger.error('A drain failed.', error));
    } catch (error) {
      reply({ updraft: MESSAGES_VERSION, error: this.#toReply(error) });
    }
  }

  /** Once more with a replica that is opened anew, and restored, if the browser has emptied the open one. */
  async #withReplica<T>(user: string, work: (replica: OpenReplica) => Promise<T>): Promise<T> {
    const open = this.#replicaOf(user);
    const replica = await open;
    try {
      return await work(replica);
    } catch (error) {
      if (!(error instanceof EmptiedError)) throw error;
      const reopened = async (): Promise<OpenReplica> => {
        await replica.close();
        return this.#openReplica(user);
      };
      // Once for all who find it empty: what the first of them opens the second does not replace.
      if (this.#open.get(user) === open) void this.#keep(user, reopened());
      return work(await this.#replicaOf(user));
    }
  }

  /** Drains every user's replica. Rejects while work is left, so that the browser wakes the worker again; one that fails does not keep the others. */
  async drainAll(reason: 'sync-event' | 'periodic-sync'): Promise<void> {
    const left = await Promise.allSettled((await this.#users()).map((user) => this.#drainOf(user, reason)));
    for (const drained of left) if (drained.status === 'rejected') this.#logger.error('A drain failed.', drained.reason);
    if (left.some((drained) => drained.status === 'rejected' || drained.value)) throw new Error('Updraft has work left; the browser should try again later.');
  }

  /** Those with a database, and those whose database is lost. */
  async #users(): Promise<string[]> {
    const users = await Promise.all([usersWithReplica(), usersWithMirror(caches).catch(() => [])]);
    return [...new Set(users.flat())];
  }

  /** Resolves to whether work is left. */
  #drainOf(user: string, reason: 'sync-event' | 'periodic-sync'): Promise<boolean> {
    return this.#withReplica(user, async ({ pipeline }) => {
      try {
        return await pipeline.drainInSlices(reason);
      } catch (error) {
        // Without a mirror there is nothing to restore: its user has signed out meanwhile, or all of the site's data is cleared. A new replica is made for a page only.
        if (error instanceof EmptiedError && !(await usersWithMirror(caches)).includes(user)) return false;
        throw error;
      }
    });
  }

  #replicaOf(user: string): Promise<OpenReplica> {
    return this.#open.get(user) ?? this.#keep(user, this.#openReplica(user));
  }

  #keep(user: string, open: Promise<OpenReplica>): Promise<OpenReplica> {
    this.#open.set(user, open);
    open.catch(() => this.#open.delete(user));
    return open;
  }

  async #openReplica(user: string): Promise<OpenReplica> {
    void registerPeriodicSync(self.registration);
    const declarations = await this.#declarations;
    const onBlocked = (): void => {
      this.#blocked.set(user, store);
      this.#broadcast({ updraft: MESSAGES_VERSION, user, notice: 'storage-blocked' });
    };
    const store = this.#blocked.get(user) ?? new ReplicaStore(user, declarations, undefined, { now: clock.now, onBlocked });
    const traffic = new Traffic();
    const http = createHttp(this.#options.airflow, (...args) => fetch(...args), clock.now, traffic);
    const credentials = createCredentials({ user, http, vault: createTokenVault(store, clock.now), randomHex: random.hex });
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const world: World = {
      user,
      airflow: this.#options.airflow,
      ...(this.#options.appVersion === undefined ? {} : { appVersion: this.#options.appVersion }),
      declarations,
      store,
      mirror: createCacheMirror(caches, user, { sleep }),
      calls: { allowed: this.#options.calls ?? {}, api: createAirflowApi({ http, credentials }) },
      clock,
      random,
      queue: this.#queue,
      logger: this.#logger,
      transport: {
        ...createTransport(this.#options.transport, {
          user,
          http,
          credentials,
          declarations,
          randomHex: random.hex,
          sleep,
          settledRuns: this.#options.settledRuns,
        }),
        traffic,
      },
      locks: { exclusive: async (name, body) => navigator.locks.request(name, body) },
      isOnline: () => navigator.onLine,
      durability: browserDurability,
      broadcast: (message) => this.#broadcast(message),
    };
    const replica = await openReplica(world, credentials, this.#circuit);
    this.#blocked.delete(user);
    return replica;
  }

  #broadcast(message: Broadcast): void {
    this.#channel.postMessage(message);
    if ('status' in message) this.#notices?.status(message.status).catch((error: unknown) => this.#logger.info('A notice could not be shown.', error));
  }

  #toReply(error: unknown): { kind: UpdraftError['kind']; message: string } {
    if (error instanceof UpdraftError) return { kind: error.kind, message: error.message };
    this.#logger.error('A request failed.', error);
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'storage', message: `The worker failed: ${message}. Nothing was changed.` };
  }
}
