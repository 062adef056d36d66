import { defined } from '../../shared/defined.ts';
import type { Declarations } from '../../shared/collections.ts';
import { createAirflowApi } from '../calls/airflow-session.ts';
import { createCacheMirror } from '../mirror/cache-mirror.ts';
import { lockPrefix } from '../store/names.ts';
import type { ReplicaStore } from '../store/replica-store.ts';
import { createTransport } from '../transport/create-transport.ts';
import { createCredentials, type Credentials } from '../transport/credentials.ts';
import { createHttp } from '../transport/http.ts';
import { createTokenVault } from '../transport/token-vault.ts';
import { Traffic } from '../transport/traffic.ts';
import type { World } from '../world.ts';
import { browserDurability, clock, random, sleep } from './browser.ts';
import type { WorkerParts } from './worker-parts.ts';

/** The world of one user's replica in a real service worker, and the user's credentials. */
export function workerWorld(
  { options, source, app, resolvers, logger, broadcast }: WorkerParts,
  queue: World['queue'],
  store: ReplicaStore,
  user: string,
  declarations: Declarations,
): { readonly world: World; readonly credentials: Credentials } {
  const traffic = new Traffic();
  const http = createHttp(options.airflow, (...args) => fetch(...args), clock.now, traffic);
  const vault = createTokenVault(store, clock.now);
  const credentials = createCredentials({ user, http, vault, randomHex: random.hex });
  const transport = createTransport(options.transport, {
    user,
    http,
    credentials,
    declarations: () => world.declarations,
    randomHex: random.hex,
    sleep,
    now: clock.now,
    settledRuns: options.settledRuns,
  });
  const world: World = {
    user,
    app,
    airflow: options.airflow,
    ...defined({ appVersion: options.appVersion }),
    declarations,
    declarationsProblem: source.problem,
    ...defined({ resolvers }),
    store,
    mirror: createCacheMirror(caches, store.name, { sleep }),
    calls: { allowed: options.calls ?? {}, api: createAirflowApi({ http, credentials }) },
    clock,
    random,
    queue,
    logger,
    transport: { ...transport, traffic },
    locks: {
      exclusive: async (name, body) =>
        navigator.locks.request(lockPrefix(store.name, user) + name, body),
    },
    isOnline: () => navigator.onLine,
    durability: browserDurability,
    broadcast,
  };
  return { world, credentials };
}
