import { isPrivate, type Declarations } from '../../shared/collections.ts';
import type { Transport } from './transport.ts';

interface Deps {
  readonly plugin: Transport;
  readonly dag: Transport;
  readonly declarations: Declarations;
}

/**
 * The plugin; the DAG only where Airflow answers and has no plugin. Nothing is remembered: an exchange travels by the plugin as soon as there is one.
 * With a private collection there is no second way: on the DAG's it is neither read nor written, and the one checkpoint would pass over its changes.
 */
export function createAutoTransport({ plugin, dag, declarations }: Deps): Transport {
  const mayUseDag = !Object.values(declarations).some(isPrivate);
  return {
    carriesPrivate: true,
    async exchange(job, kind) {
      const effect = await plugin.exchange(job, kind);
      const isMissing = effect.effect === 'hold' && effect.for === 'plugin-missing';
      return isMissing && mayUseDag ? dag.exchange(job, kind) : effect;
    },
    ...(dag.forget ? { forget: dag.forget } : {}),
  };
}
