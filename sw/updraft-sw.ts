import { OPERATION_NAMES, type CallsAllowed } from './calls/operations.ts';
import { FetchedDeclarations } from './declarations/fetched.ts';
import { createLogger } from './logger.ts';
import { startWith } from './service-worker.ts';
import { appName, appOf } from './store/names.ts';

declare const self: ServiceWorkerGlobalScope;

/**
 * The prebuilt worker, for pages without a service worker of their own:
 * register `/updraft-sw.js?airflow=/airflow&collections=/collections.json`.
 * With `&log=debug` each step is logged in the console; with `&settledRuns=delete` an exchange's
 * DAG run is deleted from Airflow once settled. The last good declarations are kept in Cache
 * Storage, so that the worker starts offline; newer declarations are fetched at each start, and
 * when a page connects.
 */
const CACHE = appName(appOf(self.registration.scope));
const parameters = new URL(self.location.href).searchParams;
const collectionsUrl = new URL(
  parameters.get('collections') ?? '/collections.json',
  self.location.origin,
).href;

self.addEventListener('activate', (event) => {
  event.waitUntil(self.clients.claim());
});

/**
 * Reads the allowed operations: `&triggerDagRun=nightly_report,weekly` allows the operation for
 * these DAGs, `*` for all.
 */
function allowedCalls(): CallsAllowed {
  const named = OPERATION_NAMES.flatMap((name) => {
    const dags = parameters.get(name);
    return dags === null ? [] : [[name, dags === '*' ? (true as const) : dags.split(',')] as const];
  });
  return Object.fromEntries(named);
}

const log = parameters.get('log') === 'debug' ? 'debug' : 'error';
const source = new FetchedDeclarations({
  url: collectionsUrl,
  cache: CACHE,
  caches,
  fetch: (...args) => fetch(...args),
  logger: createLogger(log),
});
startWith(
  {
    calls: allowedCalls(),
    airflow: parameters.get('airflow') ?? '/airflow',
    settledRuns: parameters.get('settledRuns') === 'delete' ? 'delete' : 'keep',
    log,
  },
  source,
);
void source.refresh();
