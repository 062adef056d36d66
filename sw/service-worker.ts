import { Resolvers } from './declarations/resolvers.ts';
import { bundled, type DeclarationsSource } from './declarations/source.ts';
import { airflowOf, checkOptions } from './options/check-options.ts';
import type { UpdraftOptions } from './options/options.ts';
import { install } from './replicas/install.ts';
import { PageRequests } from './replicas/page-requests.ts';
import { Replicas } from './replicas/replicas.ts';
import { workerParts, type MakeResolvers, type WorkerOptions } from './replicas/worker-parts.ts';

declare const self: ServiceWorkerGlobalScope;

/**
 * Starts Updraft in this service worker. Call once, while the script is first evaluated: browsers
 * ignore listeners added later. Adds no `fetch` listener: Airflow's own pages under the same origin
 * stay untouched.
 */
export function startUpdraft(options: UpdraftOptions): void {
  const source = bundled(() => {
    checkOptions(options);
    return options.collections;
  });
  const { resolvers = {} } = options;
  startWith(options, source, (tell) => new Resolvers(resolvers, tell));
}

/** Starts Updraft with declarations that are not part of the worker's script. */
export function startWith(
  options: WorkerOptions,
  source: DeclarationsSource,
  makeResolvers?: MakeResolvers,
): void {
  const parts = workerParts({ ...options, airflow: airflowOf(options) }, source, makeResolvers);
  source
    .current()
    .then((declarations) => parts.resolvers?.check(declarations))
    .catch((error: unknown) =>
      parts.logger.error('The collections could not be read; nothing can be captured.', error),
    );
  const replicas = new Replicas(parts);
  const requests = new PageRequests(parts, replicas);
  self.addEventListener('install', (event) => event.waitUntil(install(parts)));
  self.addEventListener('message', (event) => {
    const port = event.ports[0];
    if (port && typeof event.data === 'object' && event.data !== null && 'updraft' in event.data)
      event.waitUntil(requests.answer(event.data, port));
  });
  self.addEventListener('periodicsync', (event) => {
    (event as unknown as ExtendableEvent).waitUntil(replicas.drainAll('periodic-sync'));
  });
}
