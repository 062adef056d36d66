import { OPERATION_NAMES, type CallsAllowed } from './calls/operations.ts';
import { startUpdraft } from './service-worker.ts';

declare const self: ServiceWorkerGlobalScope;

/**
 * The prebuilt worker, for pages without a service worker of their own:
 * register `/updraft-sw.js?airflow=/airflow&collections=/collections.json`.
 * With `&log=debug` it says each step in the console; with `&settledRuns=delete` it takes an exchange's DAG run out of Airflow once it is settled.
 * The declarations are kept in Cache Storage, so that the worker starts offline.
 */
const CACHE = 'updraft-config';
const parameters = new URL(self.location.href).searchParams;
const collectionsUrl = new URL(parameters.get('collections') ?? '/collections.json', self.location.origin).href;

async function loadCollections(): Promise<unknown> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(collectionsUrl);
  if (kept) return kept.json();
  await cache.add(collectionsUrl);
  return (await cache.match(collectionsUrl))?.json();
}

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.add(collectionsUrl)));
});
self.addEventListener('activate', (event) => {
  event.waitUntil(self.clients.claim());
});

/** `&triggerDagRun=nightly_report,weekly` allows the operation for these DAGs, `*` for all. */
function allowedCalls(): CallsAllowed {
  const named = OPERATION_NAMES.flatMap((name) => {
    const dags = parameters.get(name);
    return dags === null ? [] : [[name, dags === '*' ? (true as const) : dags.split(',')] as const];
  });
  return Object.fromEntries(named);
}

startUpdraft({
  calls: allowedCalls(),
  airflow: parameters.get('airflow') ?? '/airflow',
  collections: loadCollections(),
  settledRuns: parameters.get('settledRuns') === 'delete' ? 'delete' : 'keep',
  log: parameters.get('log') === 'debug' ? 'debug' : 'error',
});
