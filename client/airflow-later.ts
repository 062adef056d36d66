import { UpdraftError } from '../shared/errors.ts';
import { newId } from '../shared/ids.ts';
import type { AirflowCalls } from './airflow.ts';
import type { WorkerLink } from './worker-link.ts';

/** The same as `createAirflowCalls`, beside the page's first bytes. It is loaded at once, so that it is there when the network is not. */
export function airflowCallsLater({ ask }: WorkerLink): AirflowCalls {
  const load = async (): Promise<AirflowCalls> => (await import('./airflow.ts')).createAirflowCalls(ask, newId);
  let loaded = load();
  loaded.catch(() => undefined);
  const call = async (name: string | symbol, args: unknown[]): Promise<unknown> => {
    const calls = await loaded.catch(() => (loaded = load())).catch(() => undefined);
    if (!calls) throw new UpdraftError('unsupported', 'Calls cannot be queued: client-airflow.js could not be loaded. Cache it with the page.');
    return Reflect.apply(Reflect.get(calls, name), calls, args);
  };
  return new Proxy({} as AirflowCalls, {
    // It is no promise: whoever awaits it gets it.
    get: (_, name) => (name === 'then' ? undefined : (...args: unknown[]) => call(name, args)),
  });
}
