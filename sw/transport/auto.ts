import { isPrivate, type Declarations } from '../../shared/collections.ts';
import type { Transport } from './transport.ts';

interface Deps {
  readonly plugin: Transport;
  readonly dag: Transport;
  readonly declarations: () => Declarations;
}

/**
 * Uses the plugin, and the DAG only where Airflow answers without a plugin. Remembers nothing: an
 * exchange goes to the plugin as soon as there is a plugin. With a private collection the DAG is
 * never used: private collections do not travel by DAG, and the shared checkpoint would skip their
 * changes.
 */
export function createAutoTransport({ plugin, dag, declarations }: Deps): Transport {
  const mayUseDag = (): boolean => !Object.values(declarations()).some(isPrivate);
  return {
    carriesPrivate: true,
    async exchange(job, kind) {
      const effect = await plugin.exchange(job, kind);
      const isMissing = effect.kind === 'hold' && effect.for === 'plugin-missing';
      return isMissing && mayUseDag() ? dag.exchange(job, kind) : effect;
    },
    ...(dag.forget ? { forget: dag.forget } : {}),
  };
}
