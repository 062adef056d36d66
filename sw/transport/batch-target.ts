import type { TransportName } from '../../shared/limits.ts';

/** Addresses of the transports; the Workbox row shows the address too. */
export const EXCHANGE_DAG = 'updraft_exchange';
export const RUNS_PATH = `/api/v2/dags/${EXCHANGE_DAG}/dagRuns`;
export const PLUGIN_PATH = '/updraft/v1';

/** Returns the path that a batch is sent to first. */
export const batchPath = (choice: 'auto' | TransportName = 'auto'): string => PATHS[choice];

const PLUGIN_EXCHANGE = `${PLUGIN_PATH}/exchange`;
const PATHS: Readonly<Record<'auto' | TransportName, string>> = {
  auto: PLUGIN_EXCHANGE,
  plugin: PLUGIN_EXCHANGE,
  dag: RUNS_PATH,
};

/** Returns the body that triggers an empty run: no data, no effect. */
export const emptyRun = (random: string): string =>
  JSON.stringify({ dag_run_id: `updraft__whoami__${random}`, logical_date: null, conf: {} });
