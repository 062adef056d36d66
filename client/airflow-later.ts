import { UpdraftError } from '../shared/errors.ts';
import { newId } from '../shared/ids.ts';
import type { AirflowCalls } from './airflow.ts';
import type { WorkerLink } from './worker-link.ts';

/**
 * Offers `createAirflowCalls` without adding to the page's first bytes: the chunk is requested at
 * once, so that the calls work when the network is gone.
 */
export function airflowCallsLater({ ask }: WorkerLink): AirflowCalls {
  const load = async (): Promise<AirflowCalls> =>
    (await import('./airflow.ts')).createAirflowCalls(ask, newId);
  let loaded = load();
  loaded.catch(() => undefined);
  const call = async (name: string | symbol, args: unknown[]): Promise<unknown> => {
    const calls = await loaded.catch(() => (loaded = load())).catch(() => undefined);
    if (!calls)
      throw new UpdraftError(
        'unsupported',
        'Calls cannot be queued: client-airflow.js could not be loaded. Cache it with the page.',
      );
    return Reflect.apply(Reflect.get(calls, name), calls, args);
  };
  return new Proxy({} as AirflowCalls, {
    // The proxy is no promise: `await` must return the proxy itself.
    get: (_, name) => (name === 'then' ? undefined : (...args: unknown[]) => call(name, args)),
  });
}
