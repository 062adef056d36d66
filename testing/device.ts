import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { parse } from 'valibot';
import { ExchangeResponseSchema } from '../shared/exchange.ts';
import { randomHex } from '../shared/ids.ts';
import type { Broadcast } from '../shared/messages.ts';
import { Resolvers, type ResolverByCollection } from '../sw/declarations/resolvers.ts';
import { bundled } from '../sw/declarations/source.ts';
import { createLogger } from '../sw/logger.ts';
import type { Mirror, MirrorContent } from '../sw/mirror/mirror.ts';
import { openReplica, type OpenReplica } from '../sw/open-replica.ts';
import { PageRequests } from '../sw/replicas/page-requests.ts';
import { ReplicaStore } from '../sw/store/replica-store.ts';
import type { Credentials } from '../sw/transport/credentials.ts';
import type { Effect, ExchangeJob, Transport } from '../sw/transport/transport.ts';
import type { World } from '../sw/world.ts';
import type { MemoryServer } from './server/memory-server.ts';
import { TestClock } from './test-clock.ts';

const LOST: Effect = { kind: 'retry', for: 'network' };
const SESSION = { headers: {}, credentials: 'omit' as const };
/** A person whose session is valid. */
const CREDENTIALS: Credentials = {
  authorize: async () => SESSION,
  unchecked: async () => SESSION,
  forget: async () => undefined,
  signIn: async () => undefined,
};

/** A browser profile in memory: the worker's real engine on storage that outlives its workers. */
export class TestDevice {
  readonly clock: TestClock;
  readonly #server: MemoryServer;
  readonly #collections: unknown;
  readonly #resolvers: ResolverByCollection;
  readonly #indexedDB = new IDBFactory();
  readonly #mirrors = new Map<string, MirrorContent>();
  readonly #open = new Map<string, Promise<OpenReplica>>();
  readonly #pages = new Set<(message: Broadcast) => void>();
  #requests: PageRequests;
  isOnline = true;
  /** Airflow does not answer, though there is a network. */
  isOutage = false;

  constructor(
    server: MemoryServer,
    collections: unknown,
    now: number,
    resolvers: ResolverByCollection,
  ) {
    this.#server = server;
    this.#collections = collections;
    this.#resolvers = resolvers;
    this.clock = new TestClock(now);
    this.#requests = this.#newWorker();
  }

  /** The worker as a page sees it: answers each message on the port that came with it. */
  readonly worker = {
    scriptURL: 'memory:/sw.js',
    postMessage: (data: unknown, [port]: readonly MessagePort[]) => {
      if (port) void this.clock.during(this.#requests.answer(structuredClone(data), port));
    },
  };

  /** Hears the worker's broadcasts until the returned function is called. */
  hear(page: (message: Broadcast) => void): () => void {
    this.#pages.add(page);
    return () => this.#pages.delete(page);
  }

  /** Stops the worker, as browsers do at any moment; the next message starts another. */
  async restart(): Promise<void> {
    await this.clock.idle();
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const replica of open) await (await replica).close();
    this.#requests = this.#newWorker();
  }

  #newWorker(): PageRequests {
    const source = bundled(() => this.#collections);
    const use = async <T>(user: string, work: (replica: OpenReplica) => Promise<T>): Promise<T> => {
      const open = this.#open.get(user) ?? this.#replica(user);
      this.#open.set(user, open);
      return work(await open);
    };
    return new PageRequests(
      { source, logger, channel: { name: async () => 'memory' } },
      { use, drop: (user) => void this.#open.delete(user) },
    );
  }

  async #replica(user: string): Promise<OpenReplica> {
    const { declarations } = this.#server.declared;
    const places = { indexedDB: this.#indexedDB, IDBKeyRange };
    const store = new ReplicaStore(`updraft:${user}`, declarations, places, {
      now: this.clock.now,
    });
    const world: World = {
      user,
      app: '/',
      airflow: '/airflow',
      declarations,
      resolvers: new Resolvers(this.#resolvers, logger.error),
      // Counted as work, so that whoever waits for rest waits for reads too.
      store: {
        read: (body) => this.clock.during(store.read(body)),
        write: (body) => this.clock.during(store.write(body)),
        destroy: () => store.destroy(),
        declare: (declared) => store.declare(declared),
        during: (work) => store.during(work),
      },
      mirror: this.#mirror(user),
      queue: NO_QUEUE,
      transport: this.#transport(user),
      calls: { allowed: {}, api: { open: async () => LOST } },
      clock: this.clock,
      random: {
        hex: randomHex,
        fraction: () => 0.5,
      },
      locks: { exclusive: (_name, body) => this.clock.during(body()) },
      logger,
      durability: async () => 'persistent',
      isOnline: () => this.isOnline,
      broadcast: (message) => this.#tell(message),
    };
    return openReplica(world, CREDENTIALS);
  }

  /** Broadcasts arrive later, as between browser threads. */
  #tell(message: Broadcast): void {
    const copy = structuredClone(message);
    queueMicrotask(() => {
      for (const page of this.#pages) page(copy);
    });
  }

  #transport(user: string): Transport {
    return {
      carriesPrivate: true,
      exchange: async ({ request }: ExchangeJob) => {
        if (!this.isOnline) return LOST;
        if (this.isOutage) return { kind: 'retry', for: 'airflow' };
        const answer = await this.#server.exchange(structuredClone(request), user);
        const response = parse(ExchangeResponseSchema, structuredClone(answer));
        return { kind: 'settle', response, via: 'plugin' };
      },
    };
  }

  #mirror(user: string): Mirror {
    return {
      read: async () => structuredClone(this.#mirrors.get(user)),
      write: async (content) => void this.#mirrors.set(user, structuredClone(content)),
      remove: async () => void this.#mirrors.delete(user),
      pause: async () => undefined,
    };
  }
}

const logger = createLogger('error');
/** In memory a worker is woken by the test alone. */
const NO_QUEUE: World['queue'] = {
  peek: async () => [],
  push: async () => undefined,
  remove: async () => undefined,
  register: async () => false,
};
