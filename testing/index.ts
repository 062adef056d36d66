import { createClient, type Updraft } from '../client/create-client.ts';
import { createHandlers } from '../client/handlers.ts';
import { createSettling } from '../client/settling.ts';
import { createSigningIn } from '../client/signing-in.ts';
import { createWorkerLink } from '../client/worker-link.ts';
import type { Json } from '../shared/json.ts';
import type { ResolverByCollection } from '../sw/declarations/resolvers.ts';
import { TestDevice } from './device.ts';
import { DirectEvents } from './direct-events.ts';
import { MemoryServer } from './server/memory-server.ts';

export { MemoryServer };
export type { Updraft };

/** What a test of an app starts with. */
export interface TestOptions {
  /** The content of collections.json. */
  readonly collections: unknown;
  /** Default: `ana`. */
  readonly user?: string;
  /** The worker's resolvers of conflicts, as in `startUpdraft()`. */
  readonly resolvers?: ResolverByCollection;
  /** The server of another device: both then meet in it. Default: a new one. */
  readonly server?: MemoryServer;
  /** The time at the start, ms since 1970. Default: the start of 2026. */
  readonly now?: number;
}

/** A device of a person, signed in and online, and the server it syncs with. */
export interface TestUpdraft<C extends Record<keyof C, { id: string }>> {
  /** The client, as `connect()` returns it. */
  readonly updraft: Updraft<C>;
  /** Another page of this device. */
  readonly tab: () => Promise<Updraft<C>>;
  /** The server's records: `record`, `records`, and `put` and `delete` as a DAG does. */
  readonly server: MemoryServer;
  readonly offline: () => void;
  /** The network returns; resolves when nothing more can be done now. */
  readonly online: () => Promise<void>;
  /** Airflow does not answer until the returned function is called. */
  readonly outage: () => () => void;
  /**
   * Somebody else changes these fields in Airflow, unseen by this device: its unsent edits of the
   * same fields conflict when they are sent.
   */
  readonly conflictWith: <N extends keyof C & string>(
    collection: N,
    id: string,
    set: Partial<Omit<C[N], 'id'>>,
  ) => void;
  /**
   * Lets Airflow refuse each change of a record, or of a whole collection, in these words. Returns
   * the function that ends this.
   */
  readonly refuse: (collection: keyof C & string, id?: string, message?: string) => () => void;
  /** Lets time pass: timers that are due, such as the end of a backoff, are called. */
  readonly advance: (ms: number) => Promise<void>;
  /** The browser stops the worker; the next message starts another on what is stored. */
  readonly restart: () => Promise<void>;
  /** Resolves when nothing is under way. */
  readonly idle: () => Promise<void>;
}

const START = Date.parse('2026-01-01T00:00:00Z');

/**
 * Starts a client against the worker's real engine and a server, all in this process: no browser,
 * no Airflow, no network.
 */
export async function testUpdraft<
  C extends Record<keyof C, { id: string }> = Record<string, { id: string }>,
>({
  collections,
  user = 'ana',
  server = new MemoryServer(collections),
  now = START,
  resolvers = {},
}: TestOptions): Promise<TestUpdraft<C>> {
  const device = new TestDevice(server, collections, now, resolvers);
  const tab = (): Promise<Updraft<C>> => connectTo<C>(device, user);
  const updraft = await tab();
  await updraft.signIn({ cookie: true });
  await device.clock.idle();
  return {
    updraft,
    tab,
    server,
    offline: () => void (device.isOnline = false),
    async online() {
      device.isOnline = true;
      await updraft.sync();
      await device.clock.idle();
    },
    outage() {
      device.isOutage = true;
      return () => void (device.isOutage = false);
    },
    conflictWith(collection, id, set) {
      const record = server.record(collection, id);
      if (!record)
        throw new Error(
          `There is no record "${id}" in Airflow that somebody else could change. Let the device ` +
            'send it first, or call server.put().',
        );
      server.put(collection, { ...record, ...(set as Readonly<Record<string, Json>>) });
    },
    refuse: (collection, id, message = 'refused by the test') =>
      server.refuse({ collection, ...(id === undefined ? {} : { id }), message }),
    advance: (ms) => device.clock.advance(ms),
    restart: () => device.restart(),
    idle: () => device.clock.idle(),
  };
}

async function connectTo<C extends Record<keyof C, { id: string }>>(
  device: TestDevice,
  user: string,
): Promise<Updraft<C>> {
  const link = createWorkerLink(() => device.worker as unknown as ServiceWorker, user);
  const settling = createSettling();
  const signingIn = createSigningIn(link);
  const handlers = createHandlers();
  const events = new DirectEvents({ device, user, link, settling, handlers });
  handlers.on('signed-out', signingIn.forget);
  await events.start();
  return createClient<C>({ link, settling, signingIn, handlers, events });
}
