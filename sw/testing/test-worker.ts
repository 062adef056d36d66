import 'fake-indexeddb/auto';
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { vi } from 'vitest';
import { UpdraftError } from '../../shared/errors.ts';
import type { Broadcast, Question, Reply, Results } from '../../shared/messages.ts';
import { MESSAGES_VERSION } from '../../shared/protocol-version.ts';
import type { ExchangeRequest } from '../../shared/exchange.ts';
import { TestServer } from './test-server.ts';

/** For tests: the browser profile and the Airflow that the apps of one origin share. */
export class TestOrigin {
  readonly indexedDB = new IDBFactory();
  readonly caches = new TestCaches();
  readonly locks = new TestLocks();
  readonly server = new TestServer();
  /** Requests to the exchange, in order. */
  readonly exchanges: ExchangeRequest[] = [];
  isOnline = false;
  /** Files that the server has beside Airflow, by address. */
  readonly files = new Map<string, string>();
  /** Statuses that stand in for files. */
  readonly answers = new Map<string, number>();
  /** Messages to the pages from a worker that failed to install. */
  readonly lastWords: unknown[] = [];
  readonly told: { readonly channel: string; readonly message: Broadcast }[] = [];

  /** Makes this origin's world the global world, as for a worker of that scope. */
  enter(
    scope: string,
    script: string,
    sync: TestSync,
    listen: (type: string, listener: (event: never) => void) => void,
  ): void {
    const { told, lastWords } = this;
    const location = new URL(script, scope);
    const registration = { scope, sync };
    const isOnline = (): boolean => this.isOnline;
    const browser = {
      locks: this.locks,
      get onLine() {
        return isOnline();
      },
    };
    const world = {
      registration,
      location,
      addEventListener: listen,
      clients: {
        matchAll: async () => [{ postMessage: (message: unknown) => void lastWords.push(message) }],
        claim: async () => undefined,
      },
      __WB_DISABLE_DEV_LOGS: true,
    };
    vi.stubGlobal('self', world);
    vi.stubGlobal('location', location);
    vi.stubGlobal('registration', registration);
    vi.stubGlobal('indexedDB', this.indexedDB);
    vi.stubGlobal('IDBKeyRange', IDBKeyRange);
    vi.stubGlobal('caches', this.caches);
    vi.stubGlobal('navigator', browser);
    vi.stubGlobal('__WB_DISABLE_DEV_LOGS', true);
    vi.stubGlobal('fetch', this.#fetch);
    vi.stubGlobal(
      'BroadcastChannel',
      class {
        readonly name: string;
        constructor(name: string) {
          this.name = name;
        }
        postMessage(message: Broadcast): void {
          told.push({ channel: this.name, message });
        }
      },
    );
  }

  #fetch = async (url: string, { body }: { body?: string } = {}): Promise<Response> => {
    if (!this.isOnline) throw new TypeError('Failed to fetch');
    const status = this.answers.get(url);
    if (status !== undefined) return new Response('<html>gateway</html>', { status });
    if (url.endsWith('.json'))
      return this.files.has(url)
        ? new Response(this.files.get(url))
        : new Response('no such file', { status: 404 });
    if (url.endsWith('/hello')) return Response.json(HELLO);
    if (typeof body !== 'string') throw new Error('Tests send little: nothing is compressed.');
    const request = JSON.parse(body) as ExchangeRequest;
    this.exchanges.push(request);
    return Response.json(this.server.answer(request));
  };
}

const HELLO = {
  plugin: 'airflow-updraft',
  protocol: 1,
  epoch: 'e1',
  user: 'ana',
  collections: {},
  limits: {},
};

type Listener = (event: {
  data: unknown;
  ports: MessagePort[];
  tag: string;
  waitUntil: (work: Promise<unknown>) => void;
}) => void;

/**
 * A worker of an app: the real `startUpdraft` in an origin's world. Only the last started worker
 * works, because the globals are shared.
 */
export class TestWorker {
  readonly sync = new TestSync();
  readonly #listeners = new Map<string, Listener[]>();

  static async start(origin: TestOrigin, scope: string, options: object = {}): Promise<TestWorker> {
    const worker = TestWorker.#in(origin, scope, 'sw.js');
    const { startUpdraft } = await import('../service-worker.ts');
    startUpdraft({
      airflow: '/airflow',
      transport: 'plugin',
      collections: { version: 1, collections: { asks: { schema: {} } } },
      ...options,
    });
    return worker;
  }

  /** Starts the prebuilt worker, with its collections.json. */
  static async startPrebuilt(origin: TestOrigin, scope: string): Promise<TestWorker> {
    const worker = TestWorker.#in(origin, scope, 'updraft-sw.js?collections=/collections.json');
    await import('../updraft-sw.ts');
    return worker;
  }

  static #in(origin: TestOrigin, scope: string, script: string): TestWorker {
    const worker = new TestWorker();
    origin.enter(scope, script, worker.sync, (type, listener) =>
      worker.#listeners.set(type, [...(worker.#listeners.get(type) ?? []), listener as Listener]),
    );
    // Modules are evaluated anew for each start, as in a new worker.
    vi.resetModules();
    return worker;
  }

  /** Sends a command as a page does; resolves after all work of the message event. */
  async ask<C extends Question>(
    command: C,
    user = 'ana',
    version = MESSAGES_VERSION,
  ): Promise<Results[C['type']]> {
    const { port1, port2 } = new MessageChannel();
    const answered = new Promise<Reply>(
      (resolve) => (port1.onmessage = ({ data }: MessageEvent<Reply>) => resolve(data)),
    );
    await this.#fire('message', { data: { updraft: version, user, command }, ports: [port2] });
    const reply = await answered;
    port1.close();
    if ('error' in reply) throw new UpdraftError(reply.error.kind, reply.error.message);
    return reply.ok as Results[C['type']];
  }

  put = (id: string, user = 'ana'): Promise<Results['capture']> =>
    this.ask(
      {
        type: 'capture',
        requestId: `put ${id}`,
        collection: 'asks',
        change: { op: 'put', value: { id } },
      },
      user,
    );

  /** Fires `install`; rejects where the worker cannot be installed. */
  install = (): Promise<void> => this.#fire('install', {});

  /** Fires the browser's sync event; rejects while work is left. */
  fireSync = (tag: string): Promise<void> => this.#fire('sync', { tag });

  async #fire(type: string, event: object): Promise<void> {
    const work: Promise<unknown>[] = [];
    for (const listener of this.#listeners.get(type) ?? [])
      listener({
        data: undefined,
        ports: [],
        tag: '',
        ...event,
        waitUntil: (one) => void work.push(one),
      });
    await Promise.all(work);
  }
}

class TestSync {
  readonly tags: string[] = [];
  register = async (tag: string): Promise<void> => void this.tags.push(tag);
  getTags = async (): Promise<string[]> => this.tags;
}

/** Web Locks: one holder a name, the others in line. */
class TestLocks {
  readonly names: string[] = [];
  readonly #last = new Map<string, Promise<unknown>>();
  request = <T>(name: string, body: () => Promise<T>): Promise<T> => {
    this.names.push(name);
    const mine = (this.#last.get(name) ?? Promise.resolve()).then(body);
    this.#last.set(
      name,
      mine.catch(() => undefined),
    );
    return mine;
  };
}

/** The part of Cache Storage that Updraft uses. */
export class TestCaches {
  readonly kept = new Map<string, Map<string, string>>();
  has = async (name: string): Promise<boolean> => this.kept.has(name);
  keys = async (): Promise<string[]> => [...this.kept.keys()];
  delete = async (name: string): Promise<boolean> => this.kept.delete(name);
  open = async (
    name: string,
  ): Promise<{
    match: (place: string) => Promise<Response | undefined>;
    put: (place: string, response: Response) => Promise<void>;
  }> => {
    const cache = this.kept.get(name) ?? new Map<string, string>();
    this.kept.set(name, cache);
    return {
      match: async (place) => {
        const text = cache.get(place);
        return text === undefined ? undefined : new Response(text);
      },
      put: async (place, response) => void cache.set(place, await response.text()),
    };
  };
}
